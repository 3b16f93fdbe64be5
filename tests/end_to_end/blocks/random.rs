//! Random messages, sense or nonsense, sent to both: whatever they mean, they mean the same.
//!
//! The same messages at every run; `TALLYBOOK_SEED` gives others, `TALLYBOOK_SCRIPTS` more.

use super::{ASSETS, hold_in, side_by_side};
use tests::{Dice, Postgres, RawClient, Server};

/// What may be sent, with `K` for a key and `N` for an amount that does not come twice.
const MESSAGES: [&str; 36] = [
    "run {post K N}",
    "run {post K N}",
    "run {post K N}",
    "run {post K N} ON CONFLICT DO NOTHING",
    "run {post K 0}",
    "run INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES \
     ('{book}', 'K', 'wallet', 'cash', N)",
    // With a key of its own: that it was used before shows only when the block commits.
    "run INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id D}', '{book}', 'N')",
    "run INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id D}', 'cash', N, 'debit'), \
     ('{id D}', 'sales', N, 'credit')",
    "run BEGIN",
    "run BEGIN",
    "run COMMIT",
    "run COMMIT",
    "run ROLLBACK",
    "run SAVEPOINT s",
    "run ROLLBACK TO s",
    "run RELEASE s",
    "run SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'",
    "run SELECT count(*) FROM transactions WHERE book = '{book}'",
    "run {fail}",
    "run SELEC",
    "run SELECT nothing FROM accounts",
    "parse p SELECT path FROM accounts WHERE book = '{book}' ORDER BY path",
    "parse p {post K N}",
    "bind c p",
    "describe P c",
    "execute c 2",
    "execute c 0",
    "close P c",
    "close S p",
    "flush",
    "send-sync",
    "send-sync",
    "send-query {post K N}; {post K N}",
    "send-query BEGIN; {post K N}",
    "send-query {post K N}; SELECT count(*) FROM transactions WHERE book = '{book}'; {post K N}",
    "send-query COMMIT",
];

fn script(dice: &mut Dice) -> String {
    let lines = (0..4 + dice.below(14)).map(|_| {
        let message = MESSAGES[dice.below(MESSAGES.len() as u64) as usize];
        let mut line = String::new();
        for part in message.split_inclusive(['K', 'N', 'D']) {
            // Only a letter that stands alone is a place to fill in.
            let is_place = |letter: char| {
                let before = part.strip_suffix(letter);
                before.is_some_and(|before| {
                    before.ends_with([' ', '\'', '(']) && !before.ends_with("DO ")
                })
            };
            if is_place('K') || is_place('N') || is_place('D') {
                line.push_str(&part[..part.len() - 1]);
                line.push_str(&match part.chars().next_back() {
                    Some('K') => format!("k{}", dice.below(4)),
                    Some('N') => (1 + dice.below(1_000_000)).to_string(),
                    _ => dice.below(3).to_string(),
                });
            } else {
                line.push_str(part);
            }
        }
        line
    });
    lines.chain(["finish".to_owned()]).collect::<Vec<_>>().join("\n")
}

#[test]
fn random_messages_are_answered_as_by_postgres() {
    let (seed, mut dice) = Dice::seeded_or(2);
    let scripts = std::env::var("TALLYBOOK_SCRIPTS");
    let scripts = scripts.map_or(150, |text| text.parse().expect("TALLYBOOK_SCRIPTS is a number"));
    let server = Server::start();
    RawClient::start(server.address()).query(ASSETS);
    let postgres = Postgres::shared();
    for number in 0..scripts {
        let script = script(&mut dice);
        let book = format!("{seed}-{number}");
        let theirs = hold_in(&book, postgres.raw(), postgres.raw(), &script);
        let start = || RawClient::start(server.address());
        let ours = hold_in(&book, start(), start(), &script);
        assert!(ours == theirs, "script {number}:\n{script}\n\n{}", side_by_side(&theirs, &ours));
    }
}
