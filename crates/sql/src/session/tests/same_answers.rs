//! The same query at the same cut gives the same answer later: whatever was posted since, wherever
//! the rows are by then, after restarts and merges.

use super::*;
use store::Options;

const QUERIES: [&str; 15] = [
    "SELECT * FROM assets ORDER BY id",
    "SELECT * FROM books ORDER BY book",
    "SELECT * FROM accounts ORDER BY book, path",
    "SELECT * FROM accounts WHERE book = 'b1' AND path = 'a:0'",
    "SELECT * FROM accounts WHERE book = 'b0' AND path LIKE 'a:%' ORDER BY path",
    "SELECT * FROM transactions ORDER BY lsn",
    "SELECT * FROM transfers WHERE book = 'b1' ORDER BY seq",
    "SELECT * FROM postings ORDER BY lsn, idx",
    "SELECT * FROM postings WHERE book = 'b0' AND account = 'a:1' ORDER BY seq, idx",
    "SELECT * FROM events ORDER BY lsn",
    "SELECT * FROM trial_balance ORDER BY book, asset",
    "SELECT * FROM account_rollup ORDER BY book, path, asset",
    "SELECT * FROM account_statement WHERE book = 'b1' AND account = 'a:2' ORDER BY seq, idx",
    "SELECT book, path, format_amount(balance, asset) FROM accounts ORDER BY 1, 2",
    "SELECT account, sum(amount), max(balance_after), count(DISTINCT tx_id) FROM postings
      GROUP BY account ORDER BY account",
];

/// Numbers that look random and can be had again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

struct Recorded {
    /// How the session was sent to the cut.
    setting: String,
    lsn: u64,
    answers: Vec<Vec<String>>,
}

fn open(dir: &std::path::Path) -> (Ledger, Session) {
    // Little memory and small segments: history leaves memory soon.
    let options = Options {
        memory_budget_bytes: 1 << 20,
        checkpoint_every_events: 40,
        segment_bytes: 16 * 1024,
        ..Options::default()
    };
    let ledger = Ledger::open_with(dir, options).unwrap();
    let engine = Engine::new(ledger.clone(), 1 << 30, None).unwrap();
    (ledger, connect(&engine))
}

async fn run(session: &mut Session, text: &str) -> Result<Seen> {
    let statement = session.parse(text)?.remove(0);
    let prepared = session.prepare(statement, &[]).await?;
    seen(session.execute_alone(&prepared, &[]).await?).await
}

/// Something that changes the ledger, or nothing.
async fn step(session: &mut Session, dice: &mut Dice, round: u64) {
    let (book, from, to) = (dice.below(2), dice.below(4), dice.below(4));
    let amount = dice.below(1_000) + 1;
    let text = match dice.below(12) {
        0 => format!(
            "INSERT INTO accounts (book, path, asset, kind) VALUES
             ('b{book}', 'n:{round}:a', 'EUR', 'asset'), ('b{book}', 'n:{round}:b', 'EUR', 'clearing')"
        ),
        1 => format!(
            "UPDATE accounts SET metadata = '{{\"round\": {round}}}'
              WHERE book = 'b{book}' AND path = 'a:{from}'"
        ),
        2 => format!(
            "INSERT INTO assets (id, class, precision, name) VALUES ('X{round}', 'crypto', 8, 'x')"
        ),
        3 => format!(
            "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
             VALUES ('b0', 'k{round}', 'a:{from}', 'c', {amount}), ('b1', 'k{round}', 'c', 'a:{to}', 1)"
        ),
        _ => format!(
            "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at)
             VALUES ('b{book}', 'k{round}', 'a:{from}', 'c', {amount}, '2026-01-01 00:00:{:02}Z')",
            round % 60
        ),
    };
    run(session, &text).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
}

async fn answers_at(session: &mut Session, setting: &str, lsn: u64) -> Vec<Vec<String>> {
    run(session, &format!("SET {setting}"))
        .await
        .unwrap_or_else(|error| panic!("{setting}: {error:?}"));
    let mut answers = Vec::new();
    for query in QUERIES {
        answers.push(
            run(session, query).await.unwrap_or_else(|error| panic!("{query}: {error:?}")).rows,
        );
    }
    let name = setting.split(' ').next().unwrap();
    run(session, &format!("RESET {name}")).await.unwrap();
    let function = format!("SELECT * FROM accounts_at_lsn('b0', {lsn}) ORDER BY path");
    answers.push(run(session, &function).await.unwrap().rows);
    answers
}

#[tokio::test]
async fn a_cut_answers_the_same_for_ever() {
    for seed in [1, 2, 3] {
        println!("seed {seed}");
        let mut dice = Dice(seed);
        let dir = tempfile::tempdir().unwrap();
        let mut recorded: Vec<Recorded> = Vec::new();
        let (mut ledger, mut session) = open(dir.path());
        for text in [
            "INSERT INTO assets (id, class, precision, name) VALUES ('EUR', 'fiat', 2, 'Euro')",
            "INSERT INTO accounts (book, path, asset, kind)
             SELECT 'b' || b, 'a:' || a, 'EUR', 'asset' FROM generate_series(0, 1) b, generate_series(0, 3) a",
            "INSERT INTO accounts (book, path, asset, kind)
             VALUES ('b0', 'c', 'EUR', 'equity'), ('b1', 'c', 'EUR', 'equity')",
        ] {
            run(&mut session, text).await.unwrap();
        }
        for round in 0..120 {
            step(&mut session, &mut dice, round).await;
            let lsn = ledger.view().cut().0;
            match dice.below(12) {
                0 => {
                    let setting = format!("tallybook.as_of_lsn = {lsn}");
                    let answers = answers_at(&mut session, &setting, lsn).await;
                    recorded.push(Recorded { setting, lsn, answers });
                }
                1 => {
                    let now = "SELECT to_char(now(), 'YYYY-MM-DD HH24:MI:SS.US') || '+00'";
                    let now = run(&mut session, now).await.unwrap().rows.remove(0);
                    let setting = format!("tallybook.as_of = '{now}'");
                    let answers = answers_at(&mut session, &setting, lsn).await;
                    recorded.push(Recorded { setting, lsn, answers });
                }
                2 => ledger.checkpoint().unwrap(),
                3 => ledger.wait_for_merges(),
                4 if dice.below(3) == 0 => {
                    drop(session);
                    ledger.shutdown();
                    drop(ledger);
                    (ledger, session) = open(dir.path());
                }
                _ => {}
            }
        }
        ledger.checkpoint().unwrap();
        ledger.wait_for_merges();
        assert!(recorded.len() > 5, "seed {seed}");
        for Recorded { setting, lsn, answers } in &recorded {
            let later = answers_at(&mut session, setting, *lsn).await;
            for (query, (then, now)) in QUERIES.iter().zip(answers.iter().zip(&later)) {
                assert_eq!(then, now, "seed {seed}, {setting}: {query}");
            }
            assert_eq!(answers, &later, "seed {seed}, {setting}");
        }
    }
}
