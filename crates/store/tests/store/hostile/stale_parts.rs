//! A folder of sealed history in which lies what does not belong there: parts of another branch of
//! history, of another store, behind a gap, halves of parts. None of it is believed, none of it
//! refuses a start, and the next start finds it gone.

use super::disk::Loss;
use super::history::History;
use super::oracle;
use super::plants;
use super::random::Random;
use super::rig::{Image, Plant, Rig, SOUND};
use super::violation::{Rule, Violation};
use super::workload::{Step, openings, sale};
use crate::fixture::transfer;
use std::collections::BTreeMap;
use store::*;

/// Segments of a few frames, so that parts begin and end in several.
const SEGMENT_BYTES: u64 = 2_500;

/// A ledger that was stopped, and what was asked of it.
#[derive(Clone)]
struct Story {
    image: Image,
    history: History,
}

impl Story {
    fn new(rig: &Rig, steps: &[Step]) -> Story {
        Story { image: Image::default(), history: History::default() }.and(rig, steps)
    }

    /// The same story, gone on.
    fn and(&self, rig: &Rig, steps: &[Step]) -> Story {
        let session = rig.start(&self.image, None);
        let mut history = self.history.clone();
        assert!(session.run(steps, &mut history));
        session.in_order().unwrap();
        Story { image: session.image(Loss::Unsynced), history }
    }
}

/// Sales of `amount`, whose frames are of one length for amounts of one length.
fn sales(name: &str, count: u128, amount: i128) -> Vec<Step> {
    let sale = |index| {
        let mut draft = transfer("a", &format!("{name}{index}"), "cash", "sales", amount);
        if let Draft::PostTransaction(transaction) = &mut draft {
            let of_name = u128::from(name.as_bytes()[0]) << 64;
            transaction.tx_id = Uuid::from_u128(of_name + index);
        }
        Step::Commit(vec![draft])
    };
    (0..count).map(sale).collect()
}

/// A ledger with sales and, of them, three parts.
fn with_parts(rig: &Rig) -> Story {
    let random = &mut Random::new(5);
    let mut steps = vec![openings()];
    for book in ["a", "b", "c"] {
        let key = format!("in {book}");
        steps.extend([Step::Commit(vec![sale(random, book, &key)]), Step::Checkpoint]);
    }
    steps.extend(sales("x", 2, 7));
    Story::new(rig, &steps)
}

fn rule_of(result: Result<(), Violation>) -> Result<(), Rule> {
    result.map_err(|violation| violation.rule)
}

fn checked(rig: &Rig, plant: Plant, image: &Image, history: &History) -> Result<(), Rule> {
    let mut rig = rig.clone();
    rig.plant = plant;
    rule_of(oracle::check(&rig, image, history))
}

/// Two branches go on from one story: what one of them sealed says nothing about the other. That
/// is what a restored backup finds, or a log whose tail was lost below parts that were kept.
#[test]
fn trust_a_stale_checkpoint() {
    let rig = Rig::new(SEGMENT_BYTES, SOUND);
    let trusting = Plant { bug: plants::trust_stale_checkpoint, monitored: false };
    for plant in [SOUND, trusting] {
        let story = with_parts(&rig);
        assert_eq!(checked(&rig, plant, &story.image, &story.history), Ok(()));
    }
    // What was sealed, and what the log then says: other sales of the same length, more of them,
    // longer ones, and fewer, of which the log has no such frame at all.
    let cases = [
        ("the same place and length", sales("l", 3, 22), Some(Rule::SumsDiffer)),
        ("more", sales("l", 6, 22), Some(Rule::SumsDiffer)),
        ("another place", sales("long", 3, 22_000), Some(Rule::SumsDiffer)),
        ("fewer", sales("l", 2, 22), None),
        ("nothing", Vec::new(), None),
    ];
    for (what, lost_branch, noticed) in cases {
        let story = with_parts(&rig);
        let kept = story.and(&rig, &sales("k", 3, 11));
        let lost = story.and(&rig, &lost_branch);
        let stale = lost.image.with_history(&kept.image.history());
        assert_eq!(checked(&rig, SOUND, &stale, &lost.history), Ok(()), "{what}");
        let believed = checked(&rig, trusting, &stale, &lost.history);
        assert_eq!(believed, noticed.map_or(Ok(()), Err), "{what}");
    }
}

type Files = BTreeMap<String, Vec<u8>>;

/// What is done to the files of a good history; other histories are at hand.
struct Mess {
    what: &'static str,
    make: fn(files: Files, of_another_store: &Files) -> Files,
}

const MESSES: [Mess; 12] = [
    Mess { what: "nothing wrong", make: |files, _| files },
    Mess { what: "parts of another store", make: |_, other| other.clone() },
    Mess {
        what: "parts of another store between",
        make: |files, other| other.clone().into_iter().chain(files).collect(),
    },
    Mess {
        what: "unfinished files",
        make: |files, _| {
            let unfinished = |(name, bytes): (&String, &Vec<u8>)| {
                (format!("{name}.tmp"), bytes[..bytes.len() / 2].to_vec())
            };
            files.iter().map(unfinished).chain(files.clone()).collect()
        },
    },
    Mess {
        what: "only unfinished files",
        make: |files, _| files.into_iter().map(|(name, b)| (format!("{name}.tmp"), b)).collect(),
    },
    Mess { what: "manifests without files", make: |files, _| only(files, is_manifest) },
    Mess {
        what: "files without manifests",
        make: |files, _| only(files, |name| !is_manifest(name)),
    },
    Mess {
        what: "one file missing in each part",
        make: |files, _| only(files, |name| !name.ends_with(".accounts")),
    },
    Mess {
        what: "a gap behind the first part",
        make: |files, _| {
            let second = stems(&files)[1].clone();
            only(files, |name| !name.starts_with(&second))
        },
    },
    Mess {
        what: "a gap at the beginning",
        make: |files, _| {
            let first = stems(&files)[0].clone();
            only(files, |name| !name.starts_with(&first))
        },
    },
    Mess {
        what: "cut off files",
        make: |mut files, _| {
            files.values_mut().for_each(|bytes| bytes.truncate(bytes.len() - 1));
            files
        },
    },
    Mess {
        what: "zeros",
        make: |mut files, _| {
            files.values_mut().for_each(|bytes| bytes.fill(0));
            files
        },
    },
];

fn is_manifest(name: &str) -> bool {
    name.ends_with(".json")
}

fn only(mut files: Files, kept: impl Fn(&str) -> bool) -> Files {
    files.retain(|name, _| kept(name));
    files
}

/// What the names of the files of one part begin with, for each part.
fn stems(files: &Files) -> Vec<String> {
    let manifests = files.keys().filter(|name| is_manifest(name));
    manifests.map(|name| name.trim_end_matches(".json").to_owned()).collect()
}

#[test]
fn what_does_not_belong_there_costs_time_only() {
    let rig = Rig::new(SEGMENT_BYTES, SOUND);
    let story = with_parts(&rig);
    let files = story.image.history();
    assert!(stems(&files).len() >= 3);
    let other = with_parts(&Rig::new(SEGMENT_BYTES, SOUND)).image.history();
    for Mess { what, make } in MESSES {
        let mut mess = make(files.clone(), &other);
        mess.insert("notes.txt".to_owned(), b"somebody's".to_vec());
        let image = story.image.with_history(&mess);
        assert_eq!(checked(&rig, SOUND, &image, &story.history), Ok(()), "{what}");

        // A start and a stop later there are whole parts, what is foreign, and nothing else.
        let left = Story { image, ..story.clone() }.and(&rig, &[]).image.history();
        assert!(left.contains_key("notes.txt"), "{what}");
        let mut kept = only(left.clone(), |name| name != "notes.txt");
        for stem in stems(&left) {
            let of_part = kept.keys().filter(|name| name.starts_with(&stem)).count();
            assert_eq!(of_part, 7, "{what}: {stem}");
            kept.retain(|name, _| !name.starts_with(&stem));
        }
        assert!(kept.is_empty(), "{what}: {kept:?}");
    }
}
