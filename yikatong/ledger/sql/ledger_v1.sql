-- The ledger's invariants. Python decides what to post; these functions and triggers decide what may stand.
-- Works on PostgreSQL 15 and later.

-- Posts one balanced transfer. lines: [{"account": "code", "amount_fen": 100}, …], debits positive, credits negative.
-- Idempotent: the same transfer_id with the same content answers 'repeated', with other content it is an error (YKL04).
-- v1 keeps working while callers still use it; a change is v2 beside it, then v1 goes a release later.
create function ledger_post_v1(
    p_transfer_id uuid, p_kind text, p_business_day date, p_reference text, p_lines jsonb, p_posted_at timestamptz
) returns text language plpgsql as $$
declare
    v_digest bytea;
    v_known bytea;
    v_missing text;
    v_total numeric;
begin
    if jsonb_typeof(p_lines) <> 'array' or jsonb_array_length(p_lines) < 2 then
        raise exception 'a transfer needs at least two lines' using errcode = 'YKL01';
    end if;
    select sum((line->>'amount_fen')::bigint) into v_total from jsonb_array_elements(p_lines) line;
    if v_total <> 0 then
        raise exception 'debits and credits differ by % fen', v_total using errcode = 'YKL02';
    end if;
    select string_agg(line->>'account', ', ' order by line->>'account') into v_missing
        from jsonb_array_elements(p_lines) line
        where not exists (select from ledger_account a where a.code = line->>'account');
    if v_missing is not null then
        raise exception 'no such account: %', v_missing using errcode = 'YKL03';
    end if;

    select sha256(convert_to(
        concat_ws('|', p_kind, p_business_day::text, p_reference,
            string_agg(concat(line->>'account', '=', line->>'amount_fen'), ';'
                order by line->>'account', (line->>'amount_fen')::bigint)), 'UTF8'))
        into v_digest from jsonb_array_elements(p_lines) line;

    insert into ledger_transfer (transfer_id, kind, business_day, reference, digest, posted_at)
        values (p_transfer_id, p_kind, p_business_day, p_reference, v_digest, p_posted_at)
        on conflict (transfer_id) do nothing;
    if not found then
        select digest into v_known from ledger_transfer where transfer_id = p_transfer_id;
        if v_known is distinct from v_digest then
            raise exception 'transfer % was posted before with other content', p_transfer_id using errcode = 'YKL04';
        end if;
        return 'repeated';
    end if;

    insert into ledger_posting (transfer_id, account_id, amount_fen)
        select p_transfer_id, a.account_id, (line->>'amount_fen')::bigint
        from jsonb_array_elements(p_lines) line join ledger_account a on a.code = line->>'account';
    return 'posted';
end $$;

-- Whoever writes around the function is still held to balance when the transaction commits.
create function ledger_check_balanced() returns trigger language plpgsql as $$
declare
    v_total numeric;
    v_lines bigint;
begin
    select coalesce(sum(amount_fen), 0), count(*) into v_total, v_lines
        from ledger_posting where transfer_id = new.transfer_id;
    if v_total <> 0 or v_lines < 2 then
        raise exception 'transfer % does not balance: % lines, % fen over', new.transfer_id, v_lines, v_total
            using errcode = 'YKL02';
    end if;
    return null;
end $$;

create constraint trigger ledger_transfer_balanced after insert on ledger_transfer
    deferrable initially deferred for each row execute function ledger_check_balanced();
create constraint trigger ledger_posting_balanced after insert on ledger_posting
    deferrable initially deferred for each row execute function ledger_check_balanced();

-- What is posted stays: a mistake is corrected by a further transfer.
create function ledger_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger is append-only: % of % is refused', lower(tg_op), tg_table_name using errcode = 'YKL05';
end $$;

create trigger ledger_transfer_append_only before update or delete on ledger_transfer
    for each row execute function ledger_refuse_change();
create trigger ledger_posting_append_only before update or delete on ledger_posting
    for each row execute function ledger_refuse_change();
create trigger ledger_transfer_not_truncated before truncate on ledger_transfer
    for each statement execute function ledger_refuse_change();
create trigger ledger_posting_not_truncated before truncate on ledger_posting
    for each statement execute function ledger_refuse_change();
