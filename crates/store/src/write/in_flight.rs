//! What is staged and not yet published, and who waits for it to become less.

use futures::channel::oneshot;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

/// Groups that may wait for room in one book; more are told to try later.
const WAITING_MAX: usize = 4_096;

/// Staged bytes that are not published yet, of one book or of all.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    bytes: AtomicUsize,
    waiting: Mutex<VecDeque<oneshot::Sender<()>>>,
}

impl InFlight {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::SeqCst)
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    /// Takes away what is published, and wakes the one that has waited longest; all of them, when
    /// nothing is left that could wake the next.
    pub(crate) fn remove(&self, bytes: usize) {
        let left = self.bytes.fetch_sub(bytes, Ordering::SeqCst) - bytes;
        let mut waiting = self.waiting();
        // One that has given up meanwhile cannot be woken.
        while let Some(next) = waiting.pop_front() {
            if next.send(()).is_ok() && left > 0 {
                return;
            }
        }
    }

    /// Resolves when it is worth trying again; `None` if too many wait already.
    pub(crate) fn wait_for_room(&self) -> Option<oneshot::Receiver<()>> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.len() >= WAITING_MAX {
            return None;
        }
        // Under the lock that `remove` takes: what it removes after this look wakes us.
        if self.bytes() == 0 {
            let _ = sender.send(());
        } else {
            waiting.push_back(sender);
        }
        Some(receiver)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<oneshot::Sender<()>>> {
        self.waiting.lock().expect("nothing panics while it holds this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_woken_in_order_and_at_last_all() {
        let in_flight = InFlight::default();
        let mut at_once = in_flight.wait_for_room().unwrap();
        assert_eq!(at_once.try_recv(), Ok(Some(())), "nothing is in flight");
        in_flight.add(30);
        let mut waiting: Vec<_> = (0..4).map(|_| in_flight.wait_for_room().unwrap()).collect();
        drop(waiting.remove(0));
        let mut woken = || -> Vec<bool> {
            waiting.iter_mut().map(|each| each.try_recv() == Ok(Some(()))).collect()
        };
        assert_eq!(woken(), [false, false, false]);
        in_flight.remove(10);
        assert_eq!(woken(), [true, false, false], "the first has given up, so the second");
        in_flight.remove(20);
        assert_eq!(woken()[1..], [true, true], "nothing is left to wake them later");
    }

    #[test]
    fn the_queue_is_bounded() {
        let in_flight = InFlight::default();
        in_flight.add(1);
        let waiting: Vec<_> = std::iter::from_fn(|| in_flight.wait_for_room()).collect();
        assert_eq!(waiting.len(), WAITING_MAX);
    }
}
