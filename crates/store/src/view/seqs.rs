//! What a selection's seqs say about where its rows are in the log.
//!
//! Few seqs are looked up one by one; many are taken for the range of lsns that they span.

use super::View;
use super::scan::of_accounts;
use crate::projection::Bounds;
use crate::{ReadError, Selection};
use ledger::Lsn;
use std::ops::RangeInclusive;

/// More seqs are not looked up one by one: the lsns that they span are scanned.
pub const SEQS_LOOKED_UP_MAX: u64 = 8_192;

/// Whether a selection's seqs lead to its rows sooner than anything else it says.
pub(super) fn are_looked_up(view: &View, selection: &Selection) -> bool {
    let (Some(book), Some(runs)) = (&selection.book, wanted_seqs(selection)) else { return false };
    let Some(book) = view.projections.book(book) else { return true };
    let is_listed = selection.listed_seqs().is_some();
    let head = book.head().0;
    let count = |run: &RangeInclusive<u64>| {
        (*run.end()).min(head).saturating_add(1).saturating_sub((*run.start()).max(1))
    };
    let count = runs.iter().map(count).sum::<u64>();
    count <= SEQS_LOOKED_UP_MAX && (is_listed || of_accounts(selection).is_none())
}

/// The seqs that a selection narrows to, in rising runs.
fn wanted_seqs(selection: &Selection) -> Option<Vec<RangeInclusive<u64>>> {
    let Some(seqs) = selection.listed_seqs() else { return Some(vec![selection.seq.clone()?]) };
    let mut runs: Vec<RangeInclusive<u64>> = Vec::new();
    for seq in seqs.values() {
        match runs.last_mut() {
            Some(last) if last.end().checked_add(1) == Some(*seq) => *last = *last.start()..=*seq,
            _ => runs.push(*seq..=*seq),
        }
    }
    Some(runs)
}

pub(super) fn seq_lsns(view: &View, selection: &Selection) -> Result<Option<Vec<Lsn>>, ReadError> {
    let (Some(book), Some(runs)) = (&selection.book, wanted_seqs(selection)) else {
        return Ok(None);
    };
    let Some(book) = view.projections.book(book) else { return Ok(Some(Vec::new())) };
    let mut lsns = Vec::new();
    for run in &runs {
        lsns.extend(view.lsns_of(&book, run)?);
    }
    lsns.retain(|lsn| *lsn <= view.cut);
    Ok(Some(lsns))
}

/// Bounds that hold for the rows of a selection's seqs too: a book's seqs and lsns rise together.
pub(super) fn within_seqs(
    view: &View,
    selection: &Selection,
    bounds: Bounds,
) -> Result<Bounds, ReadError> {
    let (Some(book), Some(runs)) = (&selection.book, wanted_seqs(selection)) else {
        return Ok(bounds);
    };
    let nothing = Bounds { lsn: (1, 0), ..bounds };
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return Ok(nothing) };
    let Some(book) = view.projections.book(book) else { return Ok(nothing) };
    let lsns = view.lsns_between(&book, &(*first.start()..=*last.end()))?;
    Ok(lsns.map_or(nothing, |lsns| Bounds {
        lsn: (bounds.lsn.0.max(*lsns.start()), bounds.lsn.1.min(*lsns.end())),
        ..bounds
    }))
}
