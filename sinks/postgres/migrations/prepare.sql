-- Run by whoever connects, before the migrations, which run as penstock_owner. Everything here may exist already: a
-- database administrator can make the roles and the schemas beforehand for a user who may not.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['penstock_owner', 'penstock_sink', 'penstock_analyst', 'penstock_auditor'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin', wanted);
            exception when duplicate_object or unique_violation then
                null; -- another database of the same server was prepared at the same moment
            end;
        end if;
    end loop;
    -- Migrating needs the owner, running needs the sink and the auditor; a superuser may already be any of them.
    foreach wanted in array array['penstock_owner', 'penstock_sink', 'penstock_auditor'] loop
        if not pg_has_role(current_user, wanted, 'member') then
            execute format('grant %I to %I', wanted, current_user);
        end if;
    end loop;
    foreach wanted in array array['ledger', 'report'] loop
        if not exists (select from pg_namespace where nspname = wanted) then
            execute format('create schema %I authorization penstock_owner', wanted);
        end if;
    end loop;
end
$$;
