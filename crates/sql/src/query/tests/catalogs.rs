//! What psql 15 sends for `\d` and its relatives, on the real catalog.

use super::super::fixture::Fixture;
use crate::catalog::ViewDefinition;

const LIST: &str = "SELECT n.nspname as \"Schema\",
  c.relname as \"Name\",
  CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 't' THEN 'TOAST table' WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table' WHEN 'I' THEN 'partitioned index' END as \"Type\",
  pg_catalog.pg_get_userbyid(c.relowner) as \"Owner\"
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
WHERE c.relkind IN (KINDS)
      AND n.nspname <> 'pg_catalog'
      AND n.nspname !~ '^pg_toast'
      AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 1,2";

#[tokio::test]
async fn tables_and_views_are_listed() {
    let ledger = Fixture::with_views(vec![ViewDefinition::new(
        "public",
        "rich",
        "SELECT path, balance FROM accounts WHERE balance > 1000",
    )]);
    let rows = ledger.rows(&LIST.replace("KINDS", "'r','p','v','m','S','f',''")).await;
    let names: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(
        names,
        [
            "account_rollup",
            "account_statement",
            "accounts",
            "assets",
            "books",
            "events",
            "postings",
            "rich",
            "transactions",
            "transfers",
            "trial_balance"
        ]
    );
    let rows = ledger.rows(&LIST.replace("KINDS", "'v',''")).await;
    let names: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(names, ["account_rollup", "account_statement", "rich", "trial_balance"]);
    assert_eq!(rows[0], ["public", "account_rollup", "view", "tallybook"]);
    let query = "SELECT viewname FROM pg_views WHERE schemaname = 'talea' ORDER BY viewname";
    assert_eq!(ledger.rows(query).await, [["accounts"], ["balances"], ["postings"]]);
    let query = "SELECT table_name, column_name FROM information_schema.columns
                  WHERE table_schema = 'talea' AND column_name = 'minor' ORDER BY 1";
    assert_eq!(ledger.rows(query).await, [["balances", "minor"], ["postings", "minor"]]);
    assert_eq!(ledger.value("SELECT 16704::regclass::text").await, "talea.accounts");
    assert_eq!(ledger.rows("SELECT * FROM rich").await.len(), 0);
}

async fn oid_of(ledger: &Fixture, table: &str) -> String {
    let rows = ledger
        .rows(&format!(
            "SELECT c.oid,
  n.nspname,
  c.relname
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname OPERATOR(pg_catalog.~) '^({table})$' COLLATE pg_catalog.default
  AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 2, 3"
        ))
        .await;
    assert_eq!(rows.len(), 1, "{table}");
    rows[0][0].clone()
}

#[tokio::test]
async fn a_table_is_described() {
    let ledger = Fixture::empty();
    let oid = oid_of(&ledger, "transactions").await;
    let about = ledger
        .rows(&format!(
            "SELECT c.relchecks, c.relkind, c.relhasindex, c.relhasrules, c.relhastriggers, c.relrowsecurity, c.relforcerowsecurity, false AS relhasoids, c.relispartition, '', c.reltablespace, CASE WHEN c.reloftype = 0 THEN '' ELSE c.reloftype::pg_catalog.regtype::pg_catalog.text END, c.relpersistence, c.relreplident, am.amname
FROM pg_catalog.pg_class c
 LEFT JOIN pg_catalog.pg_class tc ON (c.reltoastrelid = tc.oid)
LEFT JOIN pg_catalog.pg_am am ON (c.relam = am.oid)
WHERE c.oid = '{oid}'"
        ))
        .await;
    assert_eq!(about[0][1..4], ["r", "true", "false"]);
    assert_eq!(about[0][14], "heap");
    let columns = ledger.rows(&columns_of(&oid)).await;
    let described: Vec<[&str; 3]> =
        columns.iter().map(|row| [row[0].as_str(), row[1].as_str(), row[3].as_str()]).collect();
    assert!(described.contains(&["tx_id", "uuid", "true"]), "{described:?}");
    assert!(described.contains(&["metadata", "jsonb", "true"]), "{described:?}");
    assert!(described.contains(&["occurred_at", "timestamp with time zone", "false"]));
    assert!(columns.iter().all(|row| row[2].is_empty() && row[4].is_empty()), "{columns:?}");
    let indexes = ledger.rows(&indexes_of(&oid)).await;
    assert_eq!(indexes[0][0], "transactions_pkey");
    assert_eq!(indexes[0][6], "PRIMARY KEY (book, tx_id)");
    assert_eq!(
        indexes[0][5],
        "CREATE UNIQUE INDEX transactions_pkey ON public.transactions USING btree (book, tx_id)"
    );
    for query in
        [policies(&oid), statistics(&oid), publications(&oid), parents(&oid), children(&oid)]
    {
        assert_eq!(ledger.rows(&query).await.len(), 0, "{query}");
    }
}

#[tokio::test]
async fn money_is_described_with_its_size() {
    let ledger = Fixture::empty();
    let oid = oid_of(&ledger, "accounts").await;
    let columns = ledger.rows(&columns_of(&oid)).await;
    let balance = columns.iter().find(|row| row[0] == "balance").expect("accounts have a balance");
    assert_eq!(balance[1], "numeric(38,0)");
    let oid = oid_of(&ledger, "trial_balance").await;
    let columns = ledger.rows(&columns_of(&oid)).await;
    assert_eq!(columns.len(), 4);
    assert_eq!(columns[2][..2], ["debits", "numeric(38,0)"]);
    let viewdef = format!("SELECT pg_catalog.pg_get_viewdef('{oid}'::pg_catalog.oid, true)");
    assert!(ledger.value(&viewdef).await.contains("GROUP BY book, asset;"));
}

fn columns_of(oid: &str) -> String {
    format!(
        "SELECT a.attname,
  pg_catalog.format_type(a.atttypid, a.atttypmod),
  (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true)
   FROM pg_catalog.pg_attrdef d
   WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef),
  a.attnotnull,
  (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t
   WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND a.attcollation <> t.typcollation) AS attcollation,
  a.attidentity,
  a.attgenerated
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = '{oid}' AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum"
    )
}

fn indexes_of(oid: &str) -> String {
    format!(
        "SELECT c2.relname, i.indisprimary, i.indisunique, i.indisclustered, i.indisvalid, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true),
  pg_catalog.pg_get_constraintdef(con.oid, true), contype, condeferrable, condeferred, i.indisreplident, c2.reltablespace
FROM pg_catalog.pg_class c, pg_catalog.pg_class c2, pg_catalog.pg_index i
  LEFT JOIN pg_catalog.pg_constraint con ON (conrelid = i.indrelid AND conindid = i.indexrelid AND contype IN ('p','u','x'))
WHERE c.oid = '{oid}' AND c.oid = i.indrelid AND i.indexrelid = c2.oid
ORDER BY i.indisprimary DESC, c2.relname"
    )
}

fn policies(oid: &str) -> String {
    format!(
        "SELECT pol.polname, pol.polpermissive,
  CASE WHEN pol.polroles = '{{0}}' THEN NULL ELSE pg_catalog.array_to_string(array(select rolname from pg_catalog.pg_roles where oid = any (pol.polroles) order by 1),',') END,
  pg_catalog.pg_get_expr(pol.polqual, pol.polrelid),
  pg_catalog.pg_get_expr(pol.polwithcheck, pol.polrelid),
  CASE pol.polcmd
    WHEN 'r' THEN 'SELECT'
    WHEN 'a' THEN 'INSERT'
    WHEN 'w' THEN 'UPDATE'
    WHEN 'd' THEN 'DELETE'
    END AS cmd
FROM pg_catalog.pg_policy pol
WHERE pol.polrelid = '{oid}' ORDER BY 1"
    )
}

fn statistics(oid: &str) -> String {
    format!(
        "SELECT oid, stxrelid::pg_catalog.regclass, stxnamespace::pg_catalog.regnamespace::pg_catalog.text AS nsp, stxname,
pg_catalog.pg_get_statisticsobjdef_columns(oid) AS columns,
  'd' = any(stxkind) AS ndist_enabled,
  'f' = any(stxkind) AS deps_enabled,
  'm' = any(stxkind) AS mcv_enabled,
stxstattarget
FROM pg_catalog.pg_statistic_ext
WHERE stxrelid = '{oid}'
ORDER BY nsp, stxname"
    )
}

fn publications(oid: &str) -> String {
    format!(
        "SELECT pubname
     , NULL
     , NULL
FROM pg_catalog.pg_publication p
     JOIN pg_catalog.pg_publication_namespace pn ON p.oid = pn.pnpubid
     JOIN pg_catalog.pg_class pc ON pc.relnamespace = pn.pnnspid
WHERE pc.oid ='{oid}' and pg_catalog.pg_relation_is_publishable('{oid}')
UNION
SELECT pubname
     , pg_get_expr(pr.prqual, c.oid)
     , (CASE WHEN pr.prattrs IS NOT NULL THEN
         (SELECT string_agg(attname, ', ')
           FROM pg_catalog.generate_series(0, pg_catalog.array_upper(pr.prattrs::pg_catalog.int2[], 1)) s,
                pg_catalog.pg_attribute
          WHERE attrelid = pr.prrelid AND attnum = prattrs[s])
        ELSE NULL END) FROM pg_catalog.pg_publication p
     JOIN pg_catalog.pg_publication_rel pr ON p.oid = pr.prpubid
     JOIN pg_catalog.pg_class c ON c.oid = pr.prrelid
WHERE pr.prrelid = '{oid}'
UNION
SELECT pubname
     , NULL
     , NULL
FROM pg_catalog.pg_publication p
WHERE p.puballtables AND pg_catalog.pg_relation_is_publishable('{oid}')
ORDER BY 1"
    )
}

fn parents(oid: &str) -> String {
    format!(
        "SELECT c.oid::pg_catalog.regclass
FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i
WHERE c.oid = i.inhparent AND i.inhrelid = '{oid}'
  AND c.relkind != 'p' AND c.relkind != 'I'
ORDER BY inhseqno"
    )
}

fn children(oid: &str) -> String {
    format!(
        "SELECT c.oid::pg_catalog.regclass, c.relkind, inhdetachpending, pg_catalog.pg_get_expr(c.relpartbound, c.oid)
FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i
WHERE c.oid = i.inhrelid AND i.inhparent = '{oid}'
ORDER BY pg_catalog.pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', c.oid::pg_catalog.regclass::pg_catalog.text"
    )
}

#[tokio::test]
async fn databases_schemas_and_roles_are_listed() {
    let ledger = Fixture::empty();
    let rows = ledger
        .rows(
            "SELECT d.datname as \"Name\",
       pg_catalog.pg_get_userbyid(d.datdba) as \"Owner\",
       pg_catalog.pg_encoding_to_char(d.encoding) as \"Encoding\",
       d.datcollate as \"Collate\",
       d.datctype as \"Ctype\",
       d.daticulocale as \"ICU Locale\",
       CASE d.datlocprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' END AS \"Locale Provider\",
       pg_catalog.array_to_string(d.datacl, E'\\n') AS \"Access privileges\"
FROM pg_catalog.pg_database d
ORDER BY 1",
        )
        .await;
    assert_eq!(rows[0][..3], ["tallybook", "tallybook", "UTF8"]);
    let rows = ledger
        .rows(
            "SELECT n.nspname AS \"Name\",
  pg_catalog.pg_get_userbyid(n.nspowner) AS \"Owner\"
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1",
        )
        .await;
    assert_eq!(rows, [["public", "tallybook"], ["talea", "tallybook"]]);
    let rows = ledger
        .rows(
            "SELECT r.rolname, r.rolsuper, r.rolinherit,
  r.rolcreaterole, r.rolcreatedb, r.rolcanlogin,
  r.rolconnlimit, r.rolvaliduntil,
  ARRAY(SELECT b.rolname
        FROM pg_catalog.pg_auth_members m
        JOIN pg_catalog.pg_roles b ON (m.roleid = b.oid)
        WHERE m.member = r.oid) as memberof
, r.rolreplication
, r.rolbypassrls
FROM pg_catalog.pg_roles r
WHERE r.rolname !~ '^pg_'
ORDER BY 1",
        )
        .await;
    assert_eq!(rows[0][0], "tallybook");
}

#[tokio::test]
async fn oids_are_stable_and_resolvable() {
    let ledger = Fixture::empty();
    assert_eq!(ledger.value("SELECT 'accounts'::regclass::oid").await, "16403");
    assert_eq!(ledger.value("SELECT 16403::regclass::text").await, "accounts");
    assert_eq!(
        ledger.value("SELECT oid FROM pg_namespace WHERE nspname = 'pg_catalog'").await,
        "11"
    );
    assert_eq!(ledger.value("SELECT oid FROM pg_namespace WHERE nspname = 'public'").await, "2200");
    let rows = ledger
        .rows(
            "SELECT column_name, data_type, numeric_precision FROM information_schema.columns
              WHERE table_schema = 'public' AND table_name = 'postings' AND column_name IN ('amount', 'tx_id') ORDER BY 1",
        )
        .await;
    assert_eq!(rows, [["amount", "numeric", "38"], ["tx_id", "uuid", ""]]);
}

#[tokio::test]
async fn longer_descriptions_are_answered() {
    let ledger = Fixture::empty();
    let options = "SELECT c.relchecks, pg_catalog.array_to_string(c.reloptions || array(select 'toast.' || x from pg_catalog.unnest(tc.reloptions) x), ', ')
, am.amname
FROM pg_catalog.pg_class c
 LEFT JOIN pg_catalog.pg_class tc ON (c.reltoastrelid = tc.oid)
LEFT JOIN pg_catalog.pg_am am ON (c.relam = am.oid)
WHERE c.oid = '16403'";
    assert_eq!(ledger.rows(options).await, [["0", "", "heap"]]);
    let types = "SELECT n.nspname as \"Schema\",
  pg_catalog.format_type(t.oid, NULL) AS \"Name\",
  pg_catalog.obj_description(t.oid, 'pg_type') as \"Description\"
FROM pg_catalog.pg_type t
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE (t.typrelid = 0 OR (SELECT c.relkind = 'c' FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid))
  AND NOT EXISTS(SELECT 1 FROM pg_catalog.pg_type el WHERE el.oid = t.typelem AND el.typarray = t.oid)
      AND n.nspname <> 'pg_catalog'
      AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_type_is_visible(t.oid)
ORDER BY 1, 2";
    assert_eq!(ledger.rows(types).await.len(), 0);
    let privileges = "SELECT pg_catalog.array_to_string(ARRAY(
    SELECT attname || E':\\n  ' || pg_catalog.array_to_string(attacl, E'\\n  ')
    FROM pg_catalog.pg_attribute a
    WHERE attrelid = c.oid AND NOT attisdropped AND attacl IS NOT NULL
  ), E'\\n') FROM pg_catalog.pg_class c
     WHERE c.oid = 'accounts'::regclass";
    assert_eq!(ledger.value(privileges).await, "");
}

#[tokio::test]
async fn settings_are_a_table() {
    let ledger = Fixture::empty();
    let query = "SELECT setting FROM pg_settings WHERE name = 'TimeZone'";
    assert_eq!(ledger.value(query).await, "UTC");
    let query = "SELECT count(*) > 5 FROM pg_catalog.pg_settings";
    assert_eq!(ledger.value(query).await, "true");
}
