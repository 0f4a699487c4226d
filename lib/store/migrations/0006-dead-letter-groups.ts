import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Dead letters of one cause are one group, whatever ids, numbers and times their reasons name.
 *
 * dead_letter_pattern: in this order times, UUIDs, words of letters with digits (ids of providers and of ours), words that are
 * longer than any in a sentence, and all other numbers become marks. What is left is what two letters of one cause share.
 */
export const deadLetterGroups: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`
      create function dead_letter_pattern(because text) returns text language sql immutable parallel safe return
        regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(left(because, 500) collate "C",
          '\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d(:\\d\\d(\\.\\d+)?)?(Z|[+-]\\d\\d:?\\d\\d)?', '<time>', 'g'),
          '[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}', '<id>', 'g'),
          '(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{6,}(?![A-Za-z0-9])', '<id>', 'g'),
          '(?<![A-Za-z0-9_])[A-Za-z0-9]{24,}(?![A-Za-z0-9_])', '<id>', 'g'),
          '\\d+([.,]\\d+)*', '<n>', 'g')`.execute(db);
    await sql`
      alter table dead_letters
        add column pattern text collate "C" not null generated always as (dead_letter_pattern(because)) stored,
        add column fingerprint text collate "C" not null generated always as (left(md5(reason || ' ' || dead_letter_pattern(because)), 10)) stored,
        add column status_because text,
        drop constraint dead_letters_status_check,
        add constraint dead_letters_status_check check (status in ('open', 'redelivered', 'resolved', 'discarded'))`.execute(db);
    await sql`comment on column dead_letters.status_because is 'why it was discarded'`.execute(db);
    await sql`create index dead_letters_fingerprint on dead_letters (fingerprint, at desc, id desc)`.execute(db);
    await sql`create index audit_log_target on audit_log (target, id)`.execute(db);
  },
};
