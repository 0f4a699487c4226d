/** The account at the sink's mail server. For development and tests; it opens nothing but a sink. */
export const DEMO_MAIL_ACCOUNT = { user: 'visapi', password: 'localpeer' } as const;

/** The environment of a notifier that mails to a sink. */
export function demoMailEnvironment(smtpUrl: string): Record<string, string> {
  return {
    SMTP_URL: smtpUrl,
    SMTP_TLS: 'none',
    SMTP_USER: DEMO_MAIL_ACCOUNT.user,
    SMTP_PASSWORD: DEMO_MAIL_ACCOUNT.password,
    SMTP_FROM: 'VisAPI demo <visapi@demo.example>',
  };
}
