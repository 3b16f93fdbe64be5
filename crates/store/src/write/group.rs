//! The books of a group, locked in name order, so that groups cannot wait for each other in a
//! circle. The locks are given up before anything waits for the disk.

use super::books::{Book, Books, lock};
use super::past::Past;
use super::terms::Terms;
use ledger::{BookName, Draft, Lsn};
use std::ops::Index;
use std::sync::{Arc, Mutex, MutexGuard};

/// The books a group looks at or extends, in name order. Few, most of the time one.
#[derive(Debug, Default)]
pub(super) struct GroupBooks {
    books: Vec<(BookName, Arc<Mutex<Book>>)>,
    /// Books that must not have moved, and that do not exist: there is nothing to lock.
    absent: Vec<BookName>,
}

impl GroupBooks {
    /// Only opening an account makes a book; any other draft on a book that does not exist is
    /// decided on an empty one, which is then forgotten. Drafts on assets and openings of accounts
    /// look at the system book, where the assets are.
    pub(super) fn open(books: &Books, group: &[Draft], terms: &Terms) -> Self {
        let mut opened = GroupBooks::default();
        // Those that make a book come first: what the others find is then the book itself.
        for draft in group {
            if matches!(draft, Draft::OpenAccount { .. }) {
                opened.add(BookName::system_name(), |name| books.get_or_open(name));
            }
            if matches!(draft, Draft::OpenAccount { .. } | Draft::RegisterAsset(_)) {
                opened.add(draft.book_name(), |name| books.get_or_open(name));
            }
        }
        for draft in group {
            opened.add(draft.book_name(), |name| books.get(name).unwrap_or_default());
        }
        for name in terms.books_read() {
            match books.get(name) {
                Some(book) => opened.add(name, |_| book),
                None => opened.absent.push(name.clone()),
            }
        }
        opened
    }

    /// What deciding a draft looks at, when nothing is to be committed: no book is made for it.
    pub(super) fn of_draft(books: &Books, draft: &Draft) -> Self {
        let mut opened = GroupBooks::of_book(books, draft.book_name());
        if matches!(draft, Draft::OpenAccount { .. }) {
            opened.add(BookName::system_name(), |name| books.get(name).unwrap_or_default());
        }
        opened
    }

    pub(super) fn of_book(books: &Books, name: &BookName) -> Self {
        let mut opened = GroupBooks::default();
        opened.add(name, |name| books.get(name).unwrap_or_default());
        opened
    }

    fn add(&mut self, name: &BookName, open: impl FnOnce(&BookName) -> Arc<Mutex<Book>>) {
        // Most drafts are of the book that the one before was of, which its name's pointer tells.
        if self.books.last().is_some_and(|(last, _)| last == name) {
            return;
        }
        if let Err(place) = self.books.binary_search_by(|(known, _)| known.cmp(name)) {
            self.books.insert(place, (name.clone(), open(name)));
        }
    }

    pub(super) fn absent(&self) -> &[BookName] {
        &self.absent
    }

    pub(super) fn lock(&self) -> LockedBooks<'_> {
        let books = self.books.iter();
        LockedBooks(
            books
                .map(|(name, book)| LockedBook { name, book: lock(book), past: Past::default() })
                .collect(),
        )
    }
}

/// A book that nobody else decides on while this exists.
#[derive(Debug)]
pub(super) struct LockedBook<'a> {
    pub(super) name: &'a BookName,
    pub(super) book: MutexGuard<'a, Book>,
    /// What the group's drafts can clash with in this book.
    pub(super) past: Past,
}

#[derive(Debug)]
pub(super) struct LockedBooks<'a>(Vec<LockedBook<'a>>);

impl<'a> LockedBooks<'a> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &LockedBook<'a>> {
        self.0.iter()
    }

    pub(super) fn place(&self, name: &BookName) -> usize {
        match &self.0[..] {
            [_] => 0,
            locked => locked
                .binary_search_by(|locked| locked.name.cmp(name))
                .expect("the group's books are locked"),
        }
    }

    pub(super) fn find(&self, name: &BookName) -> Option<&LockedBook<'a>> {
        let place = self.0.binary_search_by(|locked| locked.name.cmp(name)).ok()?;
        Some(&self.0[place])
    }

    pub(super) fn get_mut(&mut self, name: &BookName) -> &mut LockedBook<'a> {
        let place = self.place(name);
        &mut self.0[place]
    }

    /// The newest staged event that a decision on these books rests on.
    pub(super) fn staged(&self) -> Lsn {
        self.0.iter().map(|locked| locked.book.staged).max().unwrap_or_default()
    }
}

impl<'a> Index<usize> for LockedBooks<'a> {
    type Output = LockedBook<'a>;

    fn index(&self, place: usize) -> &Self::Output {
        &self.0[place]
    }
}
