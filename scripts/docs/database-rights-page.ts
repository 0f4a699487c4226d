import { DATABASE_PROGRAMS, rightsOn, roleOf, TABLE_RIGHTS } from '../../lib/store/table-rights.ts';

const HEAD = `# What each program may do in the database

Each program connects with a role of its own, which may do what its work needs and nothing else; \`ingest\` has none, since it works
without the database. The owner of the tables migrates, and is used for nothing else. A migration creates the roles where they are missing
(without a password) and brings the rights to what \`lib/store/table-rights.ts\` declares; a test compares that with the database's catalogue.
This page is written from it by \`npm run docs\`.

\`npm start\` makes a password for each role once, in \`.visapi/database-passwords.json\`. Elsewhere: migrate with the owner, then

\`\`\`sql
alter role visapi_processor password '...';
\`\`\`

for each role, and give each program its own address in \`DATABASE_URL\`. Where the owner may not create roles, who runs the server
creates them first (\`create role visapi_processor login\`), and the next migration gives them their rights.
`;

/** One row per table, one column per role. */
export function databaseRightsPage(): string {
  const roles = DATABASE_PROGRAMS.map((program) => `\`${roleOf(program)}\``);
  const rows = Object.keys(TABLE_RIGHTS).map((table) => [
    `\`${table}\``,
    ...DATABASE_PROGRAMS.map((program) => rightsOn(table, program).join(', ')),
  ]);
  const lines = [['table', ...roles], roles.map(() => '---').concat('---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return `${HEAD}\n${lines.join('\n')}\n`;
}
