//! Random sessions against a simple reference: blocks, savepoints, errors, pipelines, replays,
//! connections that go away and servers that are killed. Every answer and every state of the books is compared.
//!
//! The sessions take turns, so there is one right answer to everything. A seed replays a run;
//! `TALLYBOOK_MODEL_STEPS` makes it longer.

mod books;
mod session;
mod statement;

use books::{Account, Books, Direction, Leg, Posted};
use session::{Answer, Expected, Sent, Session};
use statement::{BOOKS, PATHS, Statement};
use std::collections::BTreeMap;
use tests::{Dice, Message, Postgres, RawClient, Server};

/// The server under test: tallybook can be killed, and PostgreSQL shows that the reference is right about blocks.
enum Peer {
    Tallybook(Box<Server>),
    Postgres(&'static Postgres),
}

impl Peer {
    fn connect(&self) -> RawClient {
        match self {
            Peer::Tallybook(server) => RawClient::start(server.address()),
            Peer::Postgres(postgres) => postgres.raw(),
        }
    }
}

struct Run {
    peer: Peer,
    dice: Dice,
    books: Books,
    sessions: Vec<(Session, RawClient)>,
    /// The last statements, for the message of a failure.
    history: Vec<String>,
}

impl Run {
    fn new(peer: Peer, dice: Dice, sessions: usize) -> Run {
        let mut client = peer.connect();
        let mut books = Books::new(matches!(peer, Peer::Tallybook(_)));
        if books.is_ledger {
            client.query(crate::books::ASSETS);
        }
        for book in BOOKS {
            let accounts = PATHS.map(|path| {
                let (kind, minimum) =
                    if path == "wallet" { ("liability", "0") } else { ("clearing", "NULL") };
                let bounded = path == "wallet";
                let account = Account { bounded, ..Account::default() };
                books.accounts.insert((book, path.to_owned()), account);
                format!("('{book}', '{path}', 'USD', '{kind}', {minimum})")
            });
            let open = "INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES";
            let opened = client.query(&format!("{open} {}", accounts.join(", ")));
            assert!(opened.iter().all(|message| message.kind != 'E'), "{opened:?}");
            books.heads.insert(book, PATHS.len() as i64);
        }
        let sessions = (0..sessions).map(|_| (Session::new(), peer.connect())).collect();
        Run { peer, dice, books, sessions, history: Vec::new() }
    }

    fn step(&mut self) {
        let who = self.dice.below(self.sessions.len() as u64) as usize;
        if self.dice.below(60) == 0 {
            self.history.push(format!("{who}: hangs up"));
            let (session, client) = &mut self.sessions[who];
            client.hang_up().expect("the connection is open");
            client.read_to_end().expect("the server ends the connection");
            *session = Session::new();
            *client = self.peer.connect();
            return;
        }
        let statements = self.statements(who);
        let sent = if self.dice.below(2) == 0 { Sent::InOneQuery } else { Sent::UpToSync };
        let told: Vec<String> = statements.iter().map(Statement::sql).collect();
        self.history.push(format!("{who}: {sent:?} {}", told.join(";\n     ")));
        let (session, client) = &mut self.sessions[who];
        let expected = session.exchange(&mut self.books, &statements, sent);
        send(client, &told, sent);
        if matches!(self.peer, Peer::Tallybook(_)) && self.dice.below(150) == 0 {
            return self.kill(expected);
        }
        let mut said = Vec::new();
        while said.last().is_none_or(|message: &Message| message.kind != 'Z') {
            match client.read() {
                Ok(message) => said.push(message),
                Err(error) => {
                    self.history.push(format!("expected: {:#?}", expected.answers));
                    self.fail(&format!("{error} after {said:#?}"))
                }
            }
        }
        let (mut answers, status) = answers(&said);
        let mut right = expected.answers;
        without_positions(&mut right, &mut answers);
        if (&answers, status) != (&right, expected.status) {
            self.history.push(format!("expected: {right:#?} {}", expected.status));
            self.history.push(format!("     got: {answers:#?} {status}"));
            let errors = said.iter().filter(|message| message.kind == 'E').map(Message::fields);
            self.history.push(format!("     why: {:#?}", errors.collect::<Vec<_>>()));
            self.fail("another answer");
        }
    }

    /// One statement mostly, sometimes several.
    fn statements(&mut self, who: usize) -> Vec<Statement> {
        let count = if self.dice.below(3) == 0 { 2 + self.dice.below(4) } else { 1 };
        let session = &self.sessions[who].0;
        let (mut in_block, mut handles) = (session.in_block(), session.handles());
        let mut statements = Vec::new();
        for _ in 0..count {
            let statement = Statement::random(&mut self.dice, in_block, &handles);
            match &statement {
                Statement::Begin => in_block = true,
                Statement::Commit | Statement::Rollback => in_block = false,
                Statement::Head(_, handle) => handles.push(*handle),
                _ => {}
            }
            statements.push(statement);
        }
        statements
    }

    /// SIGKILL while an answer is awaited: the books are in one of the states they went through.
    fn kill(&mut self, expected: Expected) {
        let Peer::Tallybook(server) = &mut self.peer else { return };
        server.kill();
        **server = server.start_again();
        self.history.push("killed".to_owned());
        let found = self.read_books();
        match expected.committed.into_iter().find(|books| *books == found) {
            Some(books) => self.books = books,
            None => self.fail(&format!(
                "after the kill, read and as before: {:#?}",
                found.differences(&self.books)
            )),
        }
        for (session, client) in &mut self.sessions {
            *session = Session::new();
            *client = self.peer.connect();
        }
    }

    /// The books as a new connection reads them.
    fn read_books(&self) -> Books {
        let mut client = self.peer.connect();
        let mut books = Books::new(self.books.is_ledger);
        let mut rows = |query: &str| -> Vec<Vec<String>> {
            let said = client.query(query);
            assert!(said.iter().all(|message| message.kind != 'E'), "{query}: {said:?}");
            said.iter().filter(|message| message.kind == 'D').map(Message::row).collect()
        };
        let book = |row: &[String]| *BOOKS.iter().find(|book| **book == row[0]).expect("a book");
        let ours = "book IN ('north', 'south')";
        for row in rows(&format!(
            "SELECT book, path, debits, credits, min_balance IS NOT NULL FROM accounts WHERE {ours}"
        )) {
            let (debits, credits) = (row[2].parse().unwrap(), row[3].parse().unwrap());
            let account = Account { debits, credits, bounded: row[4] == "t" };
            books.accounts.insert((book(&row), row[1].clone()), account);
        }
        for row in rows(&format!("SELECT book, head_seq FROM books WHERE {ours}")) {
            books.heads.insert(book(&row), row[1].parse().unwrap());
        }
        let mut legs: BTreeMap<String, Vec<Leg>> = BTreeMap::new();
        for row in rows(&format!(
            "SELECT tx_id, account, direction, amount FROM postings WHERE {ours} ORDER BY seq, idx"
        )) {
            let direction = if row[2] == "debit" { Direction::Debit } else { Direction::Credit };
            let leg = Leg { path: row[1].clone(), direction, amount: row[3].parse().unwrap() };
            legs.entry(row[0].clone()).or_default().push(leg);
        }
        for row in rows(&format!(
            "SELECT book, idempotency_key, seq, tx_id FROM transactions WHERE {ours}"
        )) {
            let legs = legs.remove(&row[3]).unwrap_or_default();
            let posted = Posted { seq: row[2].parse().unwrap(), legs };
            let again = books.transactions.insert((book(&row), row[1].clone()), posted);
            assert_eq!(again, None, "{row:?} is there twice");
        }
        books
    }

    fn check_books(&mut self) {
        let found = self.read_books();
        if found != self.books {
            self.fail(&format!("read, and right: {:#?}", found.differences(&self.books)));
        }
    }

    fn fail(&self, why: &str) -> ! {
        let last = self.history.len().saturating_sub(25);
        panic!("{}\n{why}", self.history[last..].join("\n"));
    }
}

fn send(client: &mut RawClient, statements: &[String], sent: Sent) {
    match sent {
        Sent::InOneQuery => {
            client.send('Q', &[statements.join("; ").as_bytes(), b"\0"].concat());
        }
        Sent::UpToSync => {
            for statement in statements {
                client.pipeline(statement);
            }
            client.send('S', &[]);
        }
    }
}

fn answers(messages: &[Message]) -> (Vec<Answer>, char) {
    let mut answers = Vec::new();
    let mut rows = Vec::new();
    let mut status = '?';
    for message in messages {
        let end = match message.kind {
            'D' => {
                rows.push(message.row());
                continue;
            }
            'C' => message.text(),
            'E' => message.sqlstate(),
            'Z' => {
                status = char::from(message.body[0]);
                continue;
            }
            _ => continue,
        };
        answers.push(Answer { rows: std::mem::take(&mut rows), end });
    }
    (answers, status)
}

/// Inside a block there are no positions yet: where tallybook says NULL, nothing is expected.
fn without_positions(right: &mut [Answer], said: &mut [Answer]) {
    for (right, said) in right.iter_mut().zip(said) {
        for (right, said) in right.rows.iter_mut().zip(&mut said.rows) {
            if right.len() == 2 && said.first().is_some_and(|seq| seq == "NULL") {
                right[0] = "NULL".to_owned();
            }
        }
    }
}

fn steps(usually: usize) -> usize {
    let asked = std::env::var("TALLYBOOK_MODEL_STEPS");
    asked.map_or(usually, |text| text.parse().expect("TALLYBOOK_MODEL_STEPS is a number"))
}

fn run(mut run: Run, steps: usize) {
    for step in 0..steps {
        run.step();
        if step % 100 == 99 {
            run.check_books();
        }
    }
    run.check_books();
    let count = run.books.transactions.len();
    assert!(count > 0, "nothing was written");
    println!("{count} transactions after {steps} exchanges");
}

#[test]
fn sessions_answer_as_the_reference() {
    let (_, dice) = Dice::seeded_or(2);
    run(Run::new(Peer::Tallybook(Box::new(Server::start())), dice, 3), steps(3_000));
}

/// The reference itself is compared with PostgreSQL, where one session cannot wait for another.
#[test]
fn the_reference_answers_as_postgres() {
    let (_, dice) = Dice::seeded();
    run(Run::new(Peer::Postgres(Postgres::shared()), dice, 1), steps(1_500));
}

/// The comparison must see a server that is not as the reference: this reference takes replays for conflicts.
#[test]
#[should_panic(expected = "another answer")]
fn another_answer_is_found_out() {
    let mut planted = Run::new(Peer::Tallybook(Box::new(Server::start())), Dice::new(1), 2);
    planted.books.is_ledger = false;
    run(planted, 1_000);
}
