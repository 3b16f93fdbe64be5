//! A sync that failed, a restart on the same page cache, and then a power cut: the page cache shows
//! bytes that the disk does not have, and no later sync brings them there.

use super::disk::Loss;
use super::faults::{Call, Failure, Fault};
use super::random::Random;
use super::reading::frames;
use super::rig::{Image, Rig, SOUND, Session, Trouble};
use super::workload::sale;
use crate::fixture::{account, asset};
use store::*;

const ONE_SEGMENT: u64 = 1 << 30;

fn opening_of_books() -> Vec<Draft> {
    vec![
        asset("EUR"),
        account("a", "cash", AccountKind::Asset, None),
        account("a", "sales", AccountKind::Income, None),
    ]
}

fn committed(session: &Session, ledger: &Ledger, group: &[Draft]) {
    let outcomes = session.submit(ledger, group).unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Committed(_))));
}

/// The image of a ledger with one sale, cleanly stopped.
fn with_one_sale(rig: &Rig, random: &mut Random) -> Image {
    let session = rig.start(&Image::default(), None);
    let ledger = session.open().unwrap();
    committed(&session, &ledger, &opening_of_books());
    committed(&session, &ledger, &[sale(random, "a", "first")]);
    session.close(ledger);
    session.image(Loss::Unsynced)
}

fn failing_sync(nth: u64) -> Option<Trouble> {
    let fault = Fault { call: Call::Sync, nth, failure: Failure::Broken, for_ever: false };
    Some(Trouble::Fault(fault))
}

#[test]
fn what_the_page_cache_shows_is_written_again_before_anyone_is_answered() {
    for seed in 0..60 {
        let random = &mut Random::new(seed);
        let rig = Rig::new(ONE_SEGMENT, SOUND);
        let image = with_one_sale(&rig, random);
        let second = [sale(random, "a", "second")];

        // The first sync is recovery's.
        let session = rig.start(&image, failing_sync(2));
        let ledger = session.open().unwrap();
        assert_eq!(session.submit(&ledger, &second), Err(CommitError::OutcomeUnknown));
        session.close(ledger);
        let killed = session.image(Loss::Process);

        let session = rig.start(&killed, None);
        let ledger = session.open().unwrap();
        let replayed = session.submit(&ledger, &second).unwrap();
        assert!(matches!(&replayed[..], [Outcome::Replayed(_)]), "the page cache has it");
        let shown = frames(&ledger);
        let unplugged = session.image(Loss::Unsynced);
        session.close(ledger);

        let session = rig.start(&unplugged, None);
        let ledger = session.open().unwrap();
        assert_eq!(frames(&ledger), shown, "seed {seed}");
        session.close(ledger);
    }
}

/// Nothing marks a closing frame as durable either: what is written behind it must not stand
/// behind a hole.
#[test]
fn a_closing_frame_is_written_again_too() {
    for seed in 0..60 {
        let random = &mut Random::new(seed);
        let rig = Rig::new(ONE_SEGMENT, SOUND);
        let image = with_one_sale(&rig, random);

        let session = rig.start(&image, failing_sync(3));
        let ledger = session.open().unwrap();
        committed(&session, &ledger, &[sale(random, "a", "second")]);
        session.close(ledger);
        let killed = session.image(Loss::Process);

        let session = rig.start(&killed, None);
        let ledger = session.open().unwrap();
        committed(&session, &ledger, &[sale(random, "a", "third")]);
        committed(&session, &ledger, &[sale(random, "a", "fourth")]);
        let shown = frames(&ledger);
        let unplugged = session.image(Loss::Unsynced);
        session.close(ledger);

        let session = rig.start(&unplugged, None);
        let ledger = session.open().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(frames(&ledger), shown, "seed {seed}");
        session.close(ledger);
    }
}
