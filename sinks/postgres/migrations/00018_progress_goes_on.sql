-- +goose Up

-- What is called complete is a promise to whoever asked as of a time before: it never becomes less. The sink refuses to take it back, and so does the table, whoever asks,
-- and by the database's own operators, whatever the search path of who asks puts before them.

-- +goose StatementBegin
create function ledger.refuse_going_back() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as
$$
begin
    if new.sequence < old.sequence or new.recorded_before < old.recorded_before then
        raise exception 'shard % is called complete up to % already, after journal %: % after journal % is refused',
                old.shard, old.recorded_before, old.sequence, new.recorded_before, new.sequence
            using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end
$$;
-- +goose StatementEnd

create trigger forward_only before update on ledger.progress for each row execute function ledger.refuse_going_back();
-- Also when the session plays replication, which skips ordinary triggers.
alter table ledger.progress enable always trigger forward_only;
