//! Following the log frame by frame.

use crate::fixture::*;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use store::*;

#[test]
fn a_subscription_gives_whole_frames_in_order_and_ends_with_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let book = BookName::user("b").unwrap();
    let mut all = ledger.subscribe(Following::All { from: Lsn(1) });
    let mut one = ledger.subscribe(Following::Book { book, from: Seq(2) });
    assert!(all.next().now_or_never().is_none(), "nothing is published yet");
    open_books(&ledger, &["a", "b"]);
    let group = [
        transfer("a", "k", "cash", "sales", 1),
        transfer("b", "k1", "cash", "sales", 1),
        transfer("b", "k2", "cash", "sales", 1),
    ];
    ledger.submit(&group).wait().unwrap();
    ledger.shutdown();
    let sizes = |frames: Vec<Frame>| -> Vec<usize> {
        frames.iter().map(|frame| frame.events.len()).collect()
    };
    let frames: Vec<Frame> = futures::executor::block_on(all.try_collect()).unwrap();
    assert_eq!(sizes(frames), [1, 2, 2, 3]);
    // From the middle of a frame on: its rest, then what the book has of later frames.
    let frames = futures::executor::block_on(async {
        let mut frames = Vec::new();
        while let Some(frame) = one.next().await {
            frames.push(frame.unwrap());
        }
        frames
    });
    assert_eq!(sizes(frames), [1, 2]);
}

#[test]
fn a_waiting_subscriber_is_woken() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let mut frames = ledger.subscribe(Following::All { from: Lsn(1) });
    let reader = std::thread::spawn(move || futures::executor::block_on(frames.next()));
    ledger.submit(&[asset("EUR")]).wait().unwrap();
    assert_eq!(reader.join().unwrap().unwrap().unwrap().events.len(), 1);
}
