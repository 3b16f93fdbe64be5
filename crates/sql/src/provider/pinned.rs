//! The view that a statement reads, and a note of which books it read there.
//!
//! A serializable block has to know at its end what it has read; nobody else asks.

use chrono::{DateTime, Utc};
use ledger::BookName;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use store::{BooksRead, Selection, View};

/// Carried by the session configuration of one execution.
#[derive(Debug, Clone)]
pub(crate) struct PinnedView {
    pub(crate) view: View,
    reads: Option<ReadBooks>,
    /// Whether other statements read the same view, so that nothing behind it is to be seen.
    pub(super) is_fixed: bool,
    /// When the block began that reads it, which is what `now()` says.
    pub(crate) started: DateTime<Utc>,
}

impl From<View> for PinnedView {
    fn from(view: View) -> Self {
        PinnedView { view, reads: None, is_fixed: false, started: Utc::now() }
    }
}

impl PinnedView {
    pub(crate) fn noting(view: View, reads: ReadBooks) -> Self {
        PinnedView { view, reads: Some(reads), is_fixed: true, started: Utc::now() }
    }

    /// A view that the session or the block keeps.
    pub(crate) fn fixed(view: View) -> Self {
        PinnedView { view, reads: None, is_fixed: true, started: Utc::now() }
    }

    /// The same view, read by a block that began at this time.
    pub(crate) fn of_block(self, started: DateTime<Utc>) -> Self {
        PinnedView { started, ..self }
    }

    /// A book is read without a scan.
    pub(crate) fn note_book(&self, book: &BookName) {
        if let Some(reads) = &self.reads {
            reads.add(book.clone());
        }
    }

    /// A scan is opened that looks at `selection` of a table that is divided by book, or not.
    pub(crate) fn note(&self, is_by_book: bool, selection: &Selection) {
        let Some(reads) = &self.reads else { return };
        match selection.book.as_deref().filter(|_| is_by_book).map(BookName::user) {
            // A name that no book can have: nothing is read there.
            Some(Err(_)) => {}
            Some(Ok(book)) => reads.add(book),
            None => reads.add_all(),
        }
    }
}

/// The books that a block has read. Cheap to clone; all clones note the same.
#[derive(Debug, Clone)]
pub(crate) struct ReadBooks(Arc<Mutex<BooksRead>>);

impl Default for ReadBooks {
    fn default() -> Self {
        ReadBooks(Arc::new(Mutex::new(BooksRead::Named(BTreeSet::new()))))
    }
}

impl ReadBooks {
    pub(crate) fn add(&self, book: BookName) {
        if let BooksRead::Named(names) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)
        {
            names.insert(book);
        }
    }

    fn add_all(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = BooksRead::All;
    }

    pub(crate) fn books(&self) -> BooksRead {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
