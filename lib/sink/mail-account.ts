/** Who may send at the sink's mail server. */
export interface MailAccount {
  readonly user: string;
  readonly password: string;
}

/** For development and tests; it opens nothing but a sink. */
export const DEMO_MAIL_ACCOUNT: MailAccount = { user: 'visapi', password: 'localpeer' };

/** The environment of a notifier that mails to a sink. */
export function demoMailEnvironment(smtpUrl: string, account = DEMO_MAIL_ACCOUNT): Record<string, string> {
  return {
    SMTP_URL: smtpUrl,
    SMTP_TLS: 'none',
    SMTP_USER: account.user,
    SMTP_PASSWORD: account.password,
    SMTP_FROM: 'VisAPI demo <visapi@demo.example>',
  };
}
