//! What a session may expect: blocks, savepoints, failed blocks, implicit blocks, on top of the
//! simple books.

use super::books::{Books, Done, Leg, Write};
use super::statement::Statement;

/// The answer to one statement: its rows, and its tag or SQLSTATE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) end: String,
}

impl Answer {
    fn tag(tag: &str) -> Answer {
        Answer { rows: Vec::new(), end: tag.to_owned() }
    }

    fn rows(rows: Vec<Vec<String>>) -> Answer {
        let end = format!("SELECT {}", rows.len());
        Answer { rows, end }
    }

    fn failed(&self) -> bool {
        // A SQLSTATE is five characters; no tag is.
        self.end.len() == 5 && self.end != "BEGIN"
    }
}

/// How the statements of an exchange are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    InOneQuery,
    UpToSync,
}

/// What must come back, and every state of the books that the exchange goes through: at the end
/// the last, after a crash in the middle any of them.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) answers: Vec<Answer>,
    pub(crate) status: char,
    pub(crate) committed: Vec<Books>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// No block, or an implicit one.
    Idle,
    InBlock,
    Failed,
}

#[derive(Debug, Clone)]
pub(crate) struct Session {
    status: Status,
    staged: Vec<Write>,
    /// Names, and the writes staged when they were set.
    savepoints: Vec<(u64, Vec<Write>)>,
    /// The handles of transactions that were assembled and written.
    complete: Vec<u64>,
}

impl Session {
    pub(crate) fn new() -> Session {
        let (staged, savepoints, complete) = Default::default();
        Session { status: Status::Idle, staged, savepoints, complete }
    }

    pub(crate) fn in_block(&self) -> bool {
        self.status != Status::Idle
    }

    /// The handles of the transactions that this block assembles.
    pub(crate) fn handles(&self) -> Vec<u64> {
        handles(&self.staged)
    }

    pub(crate) fn exchange(
        &mut self,
        books: &mut Books,
        statements: &[Statement],
        sent: Sent,
    ) -> Expected {
        let mut answers = Vec::new();
        let mut committed = vec![books.clone()];
        for statement in statements {
            let before = books.clone();
            let answer = self.run(books, statement);
            if *books != before {
                committed.push(books.clone());
            }
            let failed = answer.failed();
            answers.push(answer);
            if failed {
                break;
            }
        }
        let failed = answers.last().is_some_and(Answer::failed);
        if self.status == Status::Idle {
            let left = std::mem::take(&mut self.staged);
            if !failed && let Err(code) = commit(books, &left) {
                // In a Query the last statement ends the block, after its rows; otherwise Sync does.
                match answers.last_mut() {
                    Some(last) if sent == Sent::InOneQuery => code.clone_into(&mut last.end),
                    _ => answers.push(Answer::tag(code)),
                }
            }
            committed.push(books.clone());
        }
        if books.is_ledger {
            with_final_positions(books, statements, &mut answers);
        }
        let status = match self.status {
            Status::Idle => 'I',
            Status::InBlock => 'T',
            Status::Failed => 'E',
        };
        Expected { answers, status, committed }
    }

    fn run(&mut self, books: &mut Books, statement: &Statement) -> Answer {
        let ends_failure =
            matches!(statement, Statement::Commit | Statement::Rollback | Statement::RollbackTo(_));
        let answer = if self.status == Status::Failed && !ends_failure {
            Err("25P02")
        } else {
            self.answer(books, statement)
        };
        answer.unwrap_or_else(|code| {
            if self.status == Status::InBlock {
                self.status = Status::Failed;
            }
            Answer::tag(code)
        })
    }

    fn answer(&mut self, books: &mut Books, statement: &Statement) -> Result<Answer, &'static str> {
        match statement {
            Statement::Begin => {
                self.status = Status::InBlock;
                Ok(Answer::tag("BEGIN"))
            }
            Statement::Commit => self.commit(books),
            Statement::Rollback => {
                self.end();
                Ok(Answer::tag("ROLLBACK"))
            }
            Statement::Savepoint(name) => {
                self.must_be_in_block()?;
                self.savepoints.push((*name, self.staged.clone()));
                Ok(Answer::tag("SAVEPOINT"))
            }
            Statement::RollbackTo(name) => {
                self.must_be_in_block()?;
                let place = self.savepoint(*name)?;
                self.savepoints.truncate(place + 1);
                self.staged.clone_from(&self.savepoints[place].1);
                self.status = Status::InBlock;
                Ok(Answer::tag("ROLLBACK"))
            }
            Statement::Release(name) => {
                self.must_be_in_block()?;
                let place = self.savepoint(*name)?;
                self.savepoints.truncate(place);
                Ok(Answer::tag("RELEASE"))
            }
            Statement::Fail => Err("22012"),
            Statement::Post { at, legs, skips, returning, .. } => {
                let (at, legs) = (at.clone(), legs.clone());
                let write = Write::Post { at, legs, skips: *skips, assembled: None };
                self.post(books, write, *returning)
            }
            Statement::Head(at, handle) => {
                let at = at.clone();
                let assembled = Some(*handle);
                let write = Write::Post { at, legs: Vec::new(), skips: false, assembled };
                self.view(books).write(&write, false)?;
                self.staged.push(write);
                Ok(Answer::tag("INSERT 0 1"))
            }
            Statement::Legs(handle, legs) => self.add_legs(books, *handle, legs),
            Statement::Open(at) => {
                let write = Write::Open(at.clone());
                self.view(books).write(&write, true)?;
                self.staged.push(write);
                Ok(Answer::tag("INSERT 0 1"))
            }
            Statement::Balance(at) => {
                let account = self.view(books).accounts.get(at).cloned();
                let row =
                    |a: super::books::Account| vec![a.debits.to_string(), a.credits.to_string()];
                Ok(Answer::rows(account.into_iter().map(row).collect()))
            }
            Statement::Count(book) => {
                let view = self.view(books);
                let count = view.transactions.keys().filter(|(of, _)| of == book).count();
                Ok(Answer::rows(vec![vec![count.to_string()]]))
            }
        }
    }

    fn post(
        &mut self,
        books: &Books,
        write: Write,
        returning: bool,
    ) -> Result<Answer, &'static str> {
        let done = self.view(books).write(&write, true)?;
        let (seq, deduplicated) = match done {
            Done::Skipped => return Ok(Answer::tag("INSERT 0 0")),
            Done::Written { seq } => (seq, "f"),
            Done::Replayed { seq } => (seq, "t"),
        };
        self.staged.push(write);
        let row = vec![seq.to_string(), deduplicated.to_owned()];
        let rows = if returning { vec![row] } else { Vec::new() };
        Ok(Answer { rows, end: "INSERT 0 1".to_owned() })
    }

    fn add_legs(
        &mut self,
        books: &Books,
        handle: u64,
        more: &[Leg],
    ) -> Result<Answer, &'static str> {
        let view = self.view(books);
        let is_it = |write: &Write| matches!(write, Write::Post { assembled, .. } if *assembled == Some(handle));
        let Some(place) = self.staged.iter().position(is_it) else {
            return Err(if self.complete.contains(&handle) { "55000" } else { "23503" });
        };
        let Write::Post { at, legs, .. } = &mut self.staged[place] else { return Err("23503") };
        for leg in more {
            view.check_leg(at.0, leg)?;
        }
        legs.extend_from_slice(more);
        if books.is_ledger {
            let write = self.staged.remove(place);
            self.staged.push(write);
        }
        Ok(Answer::tag(&format!("INSERT 0 {}", more.len())))
    }

    fn commit(&mut self, books: &mut Books) -> Result<Answer, &'static str> {
        let failed = self.status == Status::Failed;
        let staged = self.end();
        if failed {
            return Ok(Answer::tag("ROLLBACK"));
        }
        commit(books, &staged)?;
        self.complete.extend(handles(&staged));
        Ok(Answer::tag("COMMIT"))
    }

    /// No block any more; what it had staged.
    fn end(&mut self) -> Vec<Write> {
        self.status = Status::Idle;
        self.savepoints.clear();
        std::mem::take(&mut self.staged)
    }

    fn must_be_in_block(&self) -> Result<(), &'static str> {
        if self.status == Status::Idle { Err("25P01") } else { Ok(()) }
    }

    fn savepoint(&self, name: u64) -> Result<usize, &'static str> {
        self.savepoints.iter().rposition(|(its, _)| *its == name).ok_or("3B001")
    }

    /// The books as this session sees them.
    fn view(&self, books: &Books) -> Books {
        let mut view = books.clone();
        for write in &self.staged {
            let is_whole = !matches!(write, Write::Post { assembled: Some(_), .. });
            // What others wrote since may stand against it: COMMIT will tell.
            let _ = view.write(write, is_whole);
        }
        view
    }
}

/// The answers of an implicit block are held until it is written: they say where each transaction stands then.
fn with_final_positions(books: &Books, statements: &[Statement], answers: &mut [Answer]) {
    for (statement, answer) in statements.iter().zip(answers) {
        if let Statement::Post { at, .. } = statement
            && let (Some(row), Some(posted)) = (answer.rows.first_mut(), books.transactions.get(at))
        {
            row[0] = posted.seq.to_string();
        }
    }
}

fn handles(staged: &[Write]) -> Vec<u64> {
    let assembled = staged.iter().filter_map(|write| match write {
        Write::Post { assembled, .. } => *assembled,
        Write::Open(_) => None,
    });
    assembled.collect()
}

/// All or nothing.
fn commit(books: &mut Books, staged: &[Write]) -> Result<(), &'static str> {
    let mut after = books.clone();
    for write in staged {
        after.write(write, true)?;
    }
    *books = after;
    Ok(())
}
