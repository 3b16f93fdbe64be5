//! Every read of parts, however the history is cut and merged, gives what the list gives.

use super::super::merge::merge_laid_out;
use super::super::table_writer::Layout;
use super::super::*;
use super::history::*;
use crate::PathSelection;
use crate::projection::{PostingRow, Row, TransactionRow};
use crate::storage::Disk;
use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use ledger::*;
use proptest::prelude::*;
use std::ops::Range;
use std::rc::Rc;

/// What is tried on a history.
#[derive(Debug, Clone)]
struct Case {
    seed: u64,
    shape: Shape,
    layout: Layout,
    cuts: Vec<u64>,
    /// Parts from and to which are merged into one.
    merged: (usize, usize),
    narrowings: Vec<Narrowing>,
    seqs: (u64, u64),
    limit: usize,
    cut: u64,
}

fn narrowing(events: u64) -> impl Strategy<Value = Narrowing> {
    let start = 1_700_000_000_000_000i64;
    let lsn = prop_oneof![Just((1, u64::MAX)), (1..=events, 1..=events)];
    let at = prop_oneof![
        Just((i64::MIN, i64::MAX)),
        (0..events as i64 * 17, 0..events as i64 * 17)
            .prop_map(move |(a, b)| (start + a, start + b))
    ];
    let book = proptest::option::of((0..6u64).prop_map(|number| match number {
        5 => "nobody".to_owned(),
        number => book_name(number).as_str().to_owned(),
    }));
    let name = (0..12u64, 0..9usize).prop_map(|(number, length)| {
        let path = path_name(number);
        path.as_str().chars().take(length + 1).collect::<String>()
    });
    let exact = (0..12u64).prop_map(|number| PathSelection::exact(path_name(number).as_str()));
    let path = proptest::option::of(prop_oneof![
        exact,
        proptest::collection::btree_set(0..12u64, 0..5).prop_map(|numbers| {
            let paths = numbers.into_iter().map(|number| path_name(number).as_str().to_owned());
            PathSelection::OneOf(paths.chain(["nothing".to_owned()]).collect())
        }),
        name.prop_map(PathSelection::Prefix),
        Just(PathSelection::Prefix(String::new())),
        Just(PathSelection::exact("nothing")),
    ]);
    (lsn, at, book, path).prop_map(|(lsn, at, book, path)| Narrowing { lsn, at, book, path })
}

fn case() -> impl Strategy<Value = Case> {
    let shape = (20..400u64, 1..5u64, 2..12u64, any::<bool>())
        .prop_map(|(events, books, accounts, is_wide)| Shape { events, books, accounts, is_wide });
    (any::<u64>(), shape).prop_flat_map(|(seed, shape)| {
        let layout = (2..40usize, 1..6usize).prop_map(|(page_rows, pages)| Layout {
            page_rows,
            group_rows: pages * page_rows,
            group_bytes: usize::MAX,
        });
        let cuts = proptest::collection::vec(1..shape.events, 0..6);
        let narrowings = proptest::collection::vec(narrowing(shape.events), 6);
        let seqs = (0..shape.events, 0..shape.events);
        (layout, cuts, (0..7usize, 0..7usize), narrowings, seqs, 0..30usize, 0..shape.events)
            .prop_map(move |(layout, cuts, merged, narrowings, seqs, limit, cut)| Case {
                seed,
                shape,
                layout,
                cuts,
                merged,
                narrowings,
                seqs,
                limit,
                cut,
            })
    })
}

fn joined(batches: impl Iterator<Item = io::Result<RecordBatch>>) -> Option<RecordBatch> {
    let batches: Vec<RecordBatch> = batches.map(Result::unwrap).collect();
    let schema = batches.first()?.schema();
    Some(concat_batches(&schema, &batches).unwrap())
}

/// Rows as text, one line each, in an order of their own.
fn lines(batch: Option<RecordBatch>) -> Vec<String> {
    let Some(batch) = batch else { return Vec::new() };
    let mut lines: Vec<String> =
        (0..batch.num_rows()).map(|row| format!("{:?}", batch.slice(row, 1).columns())).collect();
    lines.sort_unstable();
    lines
}

fn rows_of<R: Row>(rows: &[R], projection: &[usize]) -> Option<RecordBatch> {
    let schema = Arc::new(R::schema().project(projection).unwrap());
    let columns = projection.iter().map(|index| R::column(rows, *index)).collect();
    (!rows.is_empty()).then(|| RecordBatch::try_new(schema, columns).unwrap())
}

fn check_scans(history: &History, parts: &[Arc<Part>], narrowing: &Narrowing) {
    let postings: Vec<PostingRow> = history
        .postings
        .iter()
        .filter(|row| wants(narrowing, &row.event, Some(row.posting().account.as_str())))
        .cloned()
        .collect();
    let transactions: Vec<TransactionRow> = history
        .events
        .iter()
        .filter(|event| matches!(event.body, EventBody::TransactionPosted(_)))
        .filter(|event| wants(narrowing, event, None))
        .cloned()
        .map(TransactionRow)
        .collect();
    for cache in caches() {
        // The last of them finds one column kept and reads the other.
        let all = (0..12).collect();
        for projection in [all, vec![9, 1, 4], vec![7], vec![7, 5], vec![8, 7]] {
            let batches =
                parts.iter().flat_map(|part| postings_of(part, narrowing, &projection, &cache));
            assert_eq!(lines(joined(batches)), lines(rows_of(&postings, &projection)));
        }
        let counted: usize = parts
            .iter()
            .flat_map(|part| postings_of(part, narrowing, &[], &cache))
            .map(|batch| batch.unwrap().num_rows())
            .sum();
        assert_eq!(counted, postings.len());
        for projection in [vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], vec![10, 0]] {
            let batches =
                parts.iter().flat_map(|part| transactions_of(part, narrowing, &projection, &cache));
            // In order of lsn, from part to part.
            assert_eq!(joined(batches), rows_of(&transactions, &projection));
        }
    }
}

/// The rows of a part, one piece after the other.
fn postings_of<'a>(
    part: &'a Part,
    narrowing: &'a Narrowing,
    projection: &'a [usize],
    cache: &'a ColumnCache,
) -> impl Iterator<Item = io::Result<RecordBatch>> + 'a {
    let pieces = part.postings_pieces().flat_map(|rows| cut(rows, cache));
    pieces.flat_map(move |rows| part.scan_postings(narrowing, &rows, projection, cache).unwrap())
}

fn transactions_of<'a>(
    part: &'a Part,
    narrowing: &'a Narrowing,
    projection: &'a [usize],
    cache: &'a ColumnCache,
) -> impl Iterator<Item = io::Result<RecordBatch>> + 'a {
    let pieces = part.transactions_pieces().flat_map(|rows| cut(rows, cache));
    pieces
        .flat_map(move |rows| part.scan_transactions(narrowing, &rows, projection, cache).unwrap())
}

/// A piece ends anywhere once its part was made again with other row groups; only a whole row group
/// is kept.
fn cut(rows: Range<u64>, cache: &ColumnCache) -> Vec<Range<u64>> {
    if cache.bytes_max() > 0 {
        return vec![rows];
    }
    let middle = rows.start.midpoint(rows.end);
    vec![rows.start..middle, middle..rows.end]
}

/// Without room for columns, with room for a few, and with room for all: read, kept, and found.
fn caches() -> [Rc<ColumnCache>; 7] {
    let (none, few, all) = (0, 4_096, usize::MAX);
    let [none, few, all] = [none, few, all].map(|bytes| Rc::new(ColumnCache::new(bytes)));
    [none, few.clone(), few.clone(), few, all.clone(), all.clone(), all]
}

fn check_account(history: &History, parts: &[Arc<Part>], case: &Case, book: &str, path: &str) {
    let truth = history.account_postings(book, path);
    let (from_seq, to_lsn) = (Seq(case.seqs.0), case.cut);
    let lsns = case.seqs.1.min(to_lsn)..=to_lsn;
    for part in parts {
        let of_part = |posting: &&SealedPosting| {
            (part.first()..=part.last()).contains(&posting.lsn) && lsns.contains(&posting.lsn.0)
        };
        let expected: Vec<SealedPosting> = truth
            .iter()
            .filter(of_part)
            .filter(|posting| posting.seq >= from_seq)
            .take(case.limit)
            .cloned()
            .collect();
        let read = part.account_postings(book, path, lsns.clone(), from_seq, case.limit).unwrap();
        assert_eq!(read, expected, "{book} {path}");
        let cut = Lsn(case.cut);
        let expected = truth
            .iter()
            .rfind(|posting| posting.lsn >= part.first() && posting.lsn <= part.last().min(cut));
        assert_eq!(part.last_posting(book, path, cut).unwrap().as_ref(), expected);
    }
}

fn check_sequence(history: &History, parts: &[Arc<Part>], case: &Case, book: &str) {
    let events: Vec<&Arc<Event>> =
        history.events.iter().filter(|event| event.book.as_str() == book).collect();
    for part in parts {
        let of_part: Vec<_> = events
            .iter()
            .filter(|event| (part.first()..=part.last()).contains(&event.lsn))
            .collect();
        let seqs = case.seqs.0..=case.seqs.1;
        let expected: Vec<Lsn> = of_part
            .iter()
            .filter(|event| seqs.contains(&event.seq.0))
            .map(|event| event.lsn)
            .collect();
        assert_eq!(part.lsns_of(book, seqs).unwrap(), expected);
        let head = of_part.iter().rfind(|event| event.lsn.0 <= case.cut);
        let head = head.map(|event| (event.seq, event.at));
        assert_eq!(part.book_head_at(book, Lsn(case.cut)).unwrap(), head);
    }
}

fn check_names(history: &History, parts: &[Arc<Part>]) {
    for event in &history.events {
        let part = parts.iter().find(|part| part.last() >= event.lsn).unwrap();
        assert_eq!(part.postings_of(event).unwrap(), history.postings_of(event.lsn));
        if let EventBody::TransactionPosted(transaction) = &event.body {
            let book = event.book.as_str();
            let mut hashes = vec![
                KeyHash::of_key(book, transaction.idempotency_key.as_str()),
                KeyHash::of_tx_id(&transaction.tx_id),
            ];
            hashes.extend(transaction.reverses.map(|id| KeyHash::of_reversal(book, &id)));
            for hash in hashes {
                assert!(part.find(hash).unwrap().contains(&event.lsn));
            }
        }
    }
}

fn check(history: &History, parts: &[Arc<Part>], case: &Case) {
    case.narrowings.iter().for_each(|narrowing| check_scans(history, parts, narrowing));
    for book in ["shop", "s", "shop:2", "ü", "a", "_system", "none"] {
        for number in 0..12 {
            check_account(history, parts, case, book, path_name(number).as_str());
        }
        check_account(history, parts, case, book, "cas");
        check_sequence(history, parts, case, book);
    }
    check_names(history, parts);
    for part in parts {
        let lsns = part.first().0..=part.last().0;
        let accounts: Vec<AccountRecord> = part.accounts().unwrap().map(Result::unwrap).collect();
        assert_eq!(accounts, history.accounts_of(&lsns));
        let content = history.content(lsns);
        assert_eq!(part.assets(), content.assets);
        assert_eq!((part.end(), part.last_at()), (content.end, content.last_at));
        part.verify().unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn parts_answer_as_the_list_does(case in case()) {
        let dir = tempfile::tempdir().unwrap();
        let history = history(case.seed, case.shape);
        let mut parts = history.parts(dir.path(), &case.cuts, case.layout);
        check(&history, &parts, &case);
        let (from, to) = (case.merged.0 % parts.len(), case.merged.1 % parts.len());
        if from < to {
            let merged =
                merge_laid_out(&Disk, dir.path(), &parts[from..=to], case.layout).unwrap();
            let positions: Vec<LogPosition> =
                parts[from..=to].iter().flat_map(|part| part.positions().to_vec()).collect();
            prop_assert_eq!(merged.positions(), positions);
            parts.splice(from..=to, [Arc::new(merged)]);
            check(&history, &parts, &case);
        }
    }
}

#[test]
fn a_history_of_many_pages_and_batches_survives_merging() {
    let dir = tempfile::tempdir().unwrap();
    let shape = Shape { events: 12_000, books: 2, accounts: 10, is_wide: false };
    let history = history(7, shape);
    let parts = history.parts(dir.path(), &[4_000, 4_001, 9_000], Layout::default());
    let merged = Arc::new(merge_parts(&Disk, dir.path(), &parts).unwrap());
    let narrowing = Narrowing::default();
    let case = Case {
        seed: 7,
        shape,
        layout: Layout::default(),
        cuts: Vec::new(),
        merged: (0, 0),
        narrowings: vec![narrowing],
        seqs: (2_000, 4_500),
        limit: 5_000,
        cut: 11_000,
    };
    for narrowing in &case.narrowings {
        check_scans(&history, std::slice::from_ref(&merged), narrowing);
    }
    let (narrowing, cache) = (Narrowing::default(), ColumnCache::new(0));
    let batches = postings_of(&merged, &narrowing, &[4], &cache);
    for batch in batches {
        assert!(batch.unwrap().num_rows() <= 8_192);
    }
    check_account(&history, std::slice::from_ref(&merged), &case, "s", "cash");
    check_sequence(&history, std::slice::from_ref(&merged), &case, "shop");
}
