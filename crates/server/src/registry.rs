//! Who is connected, and how a running read of theirs is cancelled from another connection.
//!
//! Invariant: a cancel reaches what runs when it arrives, or nothing: it never waits for the next
//! statement. Writes do not run under it.

use crate::report::Report;
use crate::sqlstate::SqlState;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

/// Bytes of a secret key for protocol 3.0 and for 3.2.
const SHORT_KEY_BYTES: usize = 4;
const LONG_KEY_BYTES: usize = 32;

/// The sessions of a server, as many as are allowed.
#[derive(Debug)]
pub(crate) struct Registry {
    sessions_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sessions: HashMap<i32, Entry>,
    last_pid: i32,
}

#[derive(Debug)]
struct Entry {
    secret: Vec<u8>,
    interrupt: Arc<Interrupt>,
}

/// A session's place among all of them. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Registration {
    registry: Arc<Registry>,
    pub(crate) pid: i32,
    pub(crate) secret: Vec<u8>,
    pub(crate) interrupt: Arc<Interrupt>,
}

impl Registry {
    pub(crate) fn new(sessions_max: usize) -> Self {
        Registry { sessions_max, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing below can leave the map half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if there is no room.
    pub(crate) fn register(self: &Arc<Self>, long_key: bool) -> Option<Registration> {
        let mut state = self.state();
        if state.sessions.len() >= self.sessions_max {
            return None;
        }
        let mut pid = state.last_pid;
        loop {
            pid = if pid == i32::MAX { 1 } else { pid + 1 };
            if !state.sessions.contains_key(&pid) {
                break;
            }
        }
        state.last_pid = pid;
        let secret = random_key(long_key);
        let interrupt = Arc::new(Interrupt::default());
        let entry = Entry { secret: secret.clone(), interrupt: interrupt.clone() };
        state.sessions.insert(pid, entry);
        Some(Registration { registry: self.clone(), pid, secret, interrupt })
    }

    /// Cancels what the session runs, if the secret is its own.
    pub(crate) fn cancel(&self, pid: i32, secret: &[u8]) {
        let state = self.state();
        match state.sessions.get(&pid) {
            Some(entry) if is_same_key(&entry.secret, secret) => entry.interrupt.cancel(),
            _ => tracing::debug!(pid, "a cancel request names no session of ours"),
        }
    }

    /// Ends every read that runs now or starts later.
    pub(crate) fn abort_all(&self) {
        self.state().sessions.values().for_each(|entry| entry.interrupt.abort());
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.state().sessions.remove(&self.pid);
    }
}

/// Random version-4 uuids are 122 random bits each; the longer key has 244 of them.
fn random_key(long: bool) -> Vec<u8> {
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    let mut key = [first.into_bytes(), second.into_bytes()].concat();
    // The version and variant bits are in the bytes 6 and 8, not in the first four.
    key.truncate(if long { LONG_KEY_BYTES } else { SHORT_KEY_BYTES });
    key
}

/// Takes the same time wherever the first difference is.
fn is_same_key(ours: &[u8], theirs: &[u8]) -> bool {
    ours.len() == theirs.len()
        && ours.iter().zip(theirs).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// How a session's running read is stopped from outside.
#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    state: Mutex<Running>,
    requested: Notify,
}

#[derive(Debug, Default)]
struct Running {
    /// Reads that may be stopped: a statement, and what it waits for within.
    depth: usize,
    is_aborted: bool,
}

impl Interrupt {
    fn state(&self) -> MutexGuard<'_, Running> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cancel(&self) {
        if self.state().depth > 0 {
            self.requested.notify_one();
        }
    }

    fn abort(&self) {
        self.state().is_aborted = true;
        self.requested.notify_one();
    }

    /// Runs work that changes nothing and may be stopped anywhere: by a cancel request, at the
    /// deadline, or by the end of the server.
    pub(crate) async fn guard<T, E: Into<Report>>(
        &self,
        deadline: Option<Instant>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Report> {
        let _running = self.start();
        let timeout = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        // The ways to stop come first: work that is always ready must not hide them.
        tokio::select! {
            biased;
            () = self.stopped() => Err(self.reason()),
            () = timeout => Err(cancelled("statement timeout")),
            result = work => result.map_err(Into::into),
        }
    }

    async fn stopped(&self) {
        if !self.state().is_aborted {
            self.requested.notified().await;
        }
    }

    fn reason(&self) -> Report {
        if self.state().is_aborted {
            return Report::shutting_down();
        }
        cancelled("user request")
    }

    /// From here on until what it gives is dropped, a cancel request is kept for the next
    /// [`Self::guard`].
    pub(crate) fn start(&self) -> RunningRead<'_> {
        let mut state = self.state();
        state.depth += 1;
        if state.depth == 1 && !state.is_aborted {
            // A cancel that came too late for the last statement is not for this one.
            let _ = futures::FutureExt::now_or_never(self.requested.notified());
        }
        RunningRead { interrupt: self }
    }
}

fn cancelled(why: &str) -> Report {
    Report::new(SqlState::QUERY_CANCELED, format!("canceling statement due to {why}"))
}

/// A read that may be stopped.
pub(crate) struct RunningRead<'a> {
    interrupt: &'a Interrupt,
}

impl Drop for RunningRead<'_> {
    fn drop(&mut self) {
        self.interrupt.state().depth -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    type Work = Result<(), Report>;

    fn registration() -> Registration {
        Arc::new(Registry::new(1)).register(true).unwrap()
    }

    #[tokio::test]
    async fn a_cancel_reaches_only_what_runs() {
        let registration = registration();
        let Registration { registry, pid, secret, interrupt } = &registration;
        // Nothing runs: it is forgotten.
        registry.cancel(*pid, secret);
        assert!(interrupt.guard(None, ready(Work::Ok(()))).await.is_ok());
        let cancelled = interrupt.guard(None, async {
            registry.cancel(*pid, secret);
            pending::<Work>().await
        });
        assert_eq!(cancelled.await.unwrap_err().state().as_str(), "57014");
        assert!(interrupt.guard(None, ready(Work::Ok(()))).await.is_ok());
    }

    #[tokio::test]
    async fn a_cancel_between_two_waits_of_a_statement_reaches_the_second() {
        let registration = registration();
        let Registration { registry, pid, secret, interrupt } = &registration;
        let statement = interrupt.start();
        assert!(interrupt.guard(None, ready(Work::Ok(()))).await.is_ok());
        registry.cancel(*pid, secret);
        let cancelled = interrupt.guard(None, pending::<Work>()).await;
        assert_eq!(cancelled.unwrap_err().state().as_str(), "57014");
        registry.cancel(*pid, secret);
        drop(statement);
        assert!(interrupt.guard(None, ready(Work::Ok(()))).await.is_ok());
    }

    #[tokio::test]
    async fn a_wrong_secret_cancels_nothing() {
        let registration = registration();
        let Registration { registry, pid, secret, interrupt } = &registration;
        let work = interrupt.guard(None, async {
            registry.cancel(*pid, &secret[1..]);
            registry.cancel(*pid, &[0; LONG_KEY_BYTES]);
            registry.cancel(*pid + 1, secret);
            Work::Ok(())
        });
        assert!(work.await.is_ok());
    }

    #[tokio::test]
    async fn a_deadline_and_an_abort_stop_reads() {
        let registration = registration();
        let interrupt = &registration.interrupt;
        let late = interrupt.guard(Some(Instant::now()), pending::<Work>()).await;
        assert_eq!(late.unwrap_err().state().as_str(), "57014");
        registration.registry.abort_all();
        for _ in 0..2 {
            let aborted = interrupt.guard(None, pending::<Work>()).await;
            assert_eq!(aborted.unwrap_err().state().as_str(), "57P01");
        }
    }

    #[test]
    fn places_are_given_back() {
        let registry = Arc::new(Registry::new(2));
        let first = registry.register(false).unwrap();
        let second = registry.register(false).unwrap();
        assert_eq!(first.secret.len(), SHORT_KEY_BYTES);
        assert_ne!((first.pid, &first.secret), (second.pid, &second.secret));
        assert!(registry.register(false).is_none());
        drop(first);
        assert!(registry.register(false).is_some());
    }
}
