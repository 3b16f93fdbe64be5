//! On what terms a group commits: which conflicts it steps over, and what must not have moved.

use super::books::Books;
use super::group::LockedBooks;
use crate::CommitError;
use ledger::{BookName, BookView, Draft, Lsn, Rejection, UniqueKey};
use std::collections::BTreeSet;

/// [`Terms::default`] is what [`crate::Ledger::submit`] has: every rejection rejects the group, and
/// whatever others have committed meanwhile is welcome.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Drafts by index, rising, that are left out where they conflict, instead of rejecting the
    /// group: they come to [`crate::Outcome::Skipped`]. A replay stays a replay.
    pub skip_conflicts: Vec<(usize, Conflict)>,
    /// What the group was decided on elsewhere and must still be so.
    pub unmoved: Option<Unmoved>,
}

/// Which conflict a draft may be skipped for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    Any,
    On(UniqueKey),
}

/// Commit only if none of the books has an event after `since`: [`CommitError::Moved`] otherwise.
#[derive(Debug, Clone)]
pub struct Unmoved {
    pub since: Lsn,
    pub books: BooksRead,
}

#[derive(Debug, Clone)]
pub enum BooksRead {
    All,
    Named(BTreeSet<BookName>),
}

impl Terms {
    /// Whether the draft at `index` is left out, now that it was rejected.
    pub(super) fn skips<V: BookView>(
        &self,
        index: usize,
        book: &V,
        draft: &Draft,
        rejection: &Rejection,
    ) -> bool {
        if self.skip_conflicts.is_empty() || rejection.unique_key().is_none() {
            return false;
        }
        let wanted = self.skip_conflicts.binary_search_by_key(&index, |(index, _)| *index);
        match wanted.map(|place| self.skip_conflicts[place].1) {
            Ok(Conflict::Any) => true,
            // The rejection names the first uniqueness in the way; this one may be too.
            Ok(Conflict::On(key)) => key.is_taken(book, draft),
            Err(_) => false,
        }
    }

    /// The books by name that must not have moved.
    pub(super) fn books_read(&self) -> impl Iterator<Item = &BookName> {
        let named = match &self.unmoved {
            Some(Unmoved { books: BooksRead::Named(names), .. }) => Some(names),
            _ => None,
        };
        named.into_iter().flatten()
    }

    /// Whether something has moved that is locked: then it cannot move any more.
    pub(super) fn check_locked(&self, locked: &LockedBooks<'_>) -> Result<(), CommitError> {
        let Some(unmoved) = &self.unmoved else { return Ok(()) };
        for name in self.books_read() {
            if locked.find(name).is_some_and(|locked| locked.book.staged > unmoved.since) {
                return Err(CommitError::Moved { book: Some(name.clone()) });
            }
        }
        Ok(())
    }

    /// Whether something has moved that cannot be locked: the store as a whole, or a book that was
    /// not there to be locked. To be asked while `head` is the last event and nothing is staged.
    pub(super) fn check_head(
        &self,
        head: Lsn,
        books: &Books,
        absent: &[BookName],
    ) -> Result<(), CommitError> {
        let Some(unmoved) = &self.unmoved else { return Ok(()) };
        if matches!(unmoved.books, BooksRead::All) && head > unmoved.since {
            return Err(CommitError::Moved { book: None });
        }
        // Whoever stages the first event of a book has made the book before.
        match absent.iter().find(|name| books.get(name).is_some()) {
            Some(name) => Err(CommitError::Moved { book: Some(name.clone()) }),
            None => Ok(()),
        }
    }
}
