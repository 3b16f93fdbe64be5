//! Real input: 28,205 transfers of a Czech bank in 1993 (the PKDD'99 challenge), loaded by psql.

use std::collections::BTreeMap;
use std::path::Path;
use tests::{Server, data_dir, psql};

pub(crate) fn load(server: &Server, dir: &Path) -> String {
    let script = format!(
        "INSERT INTO assets (id, class, precision, name) VALUES ('CZK', 'fiat', 2, 'Czech koruna');\n\
         \\copy accounts(book,path,asset,kind) from '{0}/accounts.csv' with (format csv, header)\n\
         \\copy transfers(book,idempotency_key,debit_account,credit_account,asset,amount,occurred_at,metadata) \
         from '{0}/transfers.csv' with (format csv, header)\n",
        dir.display()
    );
    psql(server, &["-v", "ON_ERROR_STOP=1"], &script).ok()
}

fn balances(server: &Server) -> BTreeMap<String, String> {
    let query = "SELECT path, debits - credits FROM accounts WHERE book = 'berka';";
    let said = psql(server, &["-A", "-t", "-F", ","], query).ok();
    pairs(said.lines())
}

fn pairs<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    let split = lines.map(|line| line.split_once(',').expect("two columns"));
    split.map(|(path, balance)| (path.to_owned(), balance.to_owned())).collect()
}

fn events(server: &Server) -> String {
    psql(server, &["-A", "-t"], "SELECT count(*), max(seq) FROM events WHERE book = 'berka';").ok()
}

#[test]
fn a_years_transfers_load_balance_and_survive() {
    let Some(dir) = data_dir("berka") else {
        println!("skipped: no data set; set TALLYBOOK_BERKA_DIR to its directory");
        return;
    };
    let expected = std::fs::read_to_string(dir.join("expected-balances.csv")).unwrap();
    let expected = pairs(expected.lines().skip(1));
    let mut server = Server::start();
    assert_eq!(load(&server, &dir), "INSERT 0 1\nCOPY 1156\nCOPY 28205\n");
    assert_eq!(balances(&server), expected, "after loading");
    let history = events(&server);
    assert_eq!(history, "29361|29361\n");

    server.kill();
    server = server.start_again();
    assert_eq!(balances(&server), expected, "after SIGKILL");
    assert_eq!(events(&server), history);

    load(&server, &dir);
    assert_eq!(events(&server), history, "the same file again adds nothing");
    assert_eq!(balances(&server), expected);

    assert!(server.stop("TERM").success());
    server = server.start_again();
    assert_eq!(balances(&server), expected, "after a clean stop");
}
