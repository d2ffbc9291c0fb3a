/**
 * The log in PostgreSQL 15 or newer, without extensions. `position` is the log index.
 *
 * All appends go through one function, which takes one lock until its transaction has ended: so positions are
 * contiguous, and appear in their order. Uniqueness of (stream, revision) follows from that lock and from the stream's
 * own row, and no index is asked for it: an index that is unique over a partitioned table must hold the partition key,
 * and so the table can be attached to one that is partitioned by ranges of position.
 *
 * The function's name bears its version: another shape is another name, and nodes of both versions append to one log.
 */
export const appendName = 'append_1'

const appendTypes = 'text[], bigint[], integer[], uuid[], text[], text[], text'

/** 'TALL' as the upper half of an advisory lock's key; the lower half is the log's table. */
const tall = 0x54_41_4c_4c
export const lockOf = (lower: string): string => `(${tall}::bigint << 32) | ${lower}`

/**
 * For each connection, whatever the server is set to: the lock is of use only to who looks after he has it, and what is
 * acknowledged is on disk.
 */
export const session = `
  set session characteristics as transaction isolation level read committed;
  select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off';
`

/** Where this answers, the log is there, and nothing has to be made. */
export const isMade = (schema: string): string =>
  `select to_regprocedure('${schema}.${appendName}(${appendTypes})') is not null as made,
     current_setting('server_encoding') as encoding, current_setting('server_version_num')::int as version`

/** One transaction; two nodes that start at once make it once. */
export const making = (schema: string): string => `
  begin;
  select pg_advisory_xact_lock(${lockOf('0')});
  create schema if not exists ${schema};
  create table if not exists ${schema}.streams (
    key bigint generated always as identity primary key,
    name text collate "C" not null unique,
    last bigint not null
  ) with (fillfactor = 80);
  create table if not exists ${schema}.events (
    position bigint primary key,
    stream bigint not null,
    revision bigint not null,
    id uuid not null,
    type text not null,
    text text not null,
    stored_at text not null
  );
  create index if not exists events_by_stream on ${schema}.events (stream, revision);
  create or replace function ${schema}.${appendName}(
    names text[], expected bigint[], counts integer[], ids uuid[], types text[], texts text[], at text
  ) returns table (at_revision bigint, at_position bigint, outcome text)
  language plpgsql volatile as $$
  declare
    began bigint;
    head bigint;
    of_stream bigint;
    held bigint;
    amount integer;
    taken integer := 0;
    same bigint;
  begin
    perform pg_advisory_xact_lock(${lockOf(`'${schema}.events'::regclass::oid::bigint`)});
    select coalesce(max(position) + 1, 0) into began from ${schema}.events;
    head := began;
    for place in 1 .. cardinality(names) loop
      amount := counts[place];
      of_stream := null;
      if expected[place] >= 0 then
        update ${schema}.streams set last = last + amount
          where name = names[place] and last = expected[place] returning key into of_stream;
      else
        insert into ${schema}.streams (name, last) values (names[place], amount - 1)
          on conflict (name) do nothing returning key into of_stream;
      end if;
      if of_stream is not null then
        if amount = 1 then
          insert into ${schema}.events (position, stream, revision, id, type, text, stored_at)
            values (head, of_stream, expected[place] + 1, ids[taken + 1], types[taken + 1], texts[taken + 1], at);
        else
          insert into ${schema}.events (position, stream, revision, id, type, text, stored_at)
            select head + n - 1, of_stream, expected[place] + n, i, k, t, at
            from unnest(ids[taken + 1 : taken + amount], types[taken + 1 : taken + amount],
              texts[taken + 1 : taken + amount]) with ordinality as added (i, k, t, n);
        end if;
        head := head + amount;
        at_revision := expected[place] + amount;
        at_position := head - 1;
        outcome := 'written';
      else
        select key, last into of_stream, held from ${schema}.streams where name = names[place];
        select count(*), max(position) into same, at_position from ${schema}.events
          where stream = of_stream and revision > expected[place] and revision <= expected[place] + amount
            and id = ids[taken + (revision - expected[place])::integer];
        outcome := case when same = amount then 'repeated' else 'refused' end;
        at_revision := case when same = amount then expected[place] + amount else coalesce(held, -1) end;
      end if;
      taken := taken + amount;
      return next;
    end loop;
    if head > began then
      perform pg_notify('${schema}', head::text);
    end if;
  end
  $$;
  commit;
`
