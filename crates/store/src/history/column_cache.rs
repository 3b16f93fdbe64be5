//! Columns of parts that were read before, as they were decoded.
//!
//! Owns how much memory they may take, and which of them stay. Refuses to know what they hold.
//!
//! Who reads more than fits, again and again, must not push out at each step what the next step
//! wants: what was used lately stays, and what is new waits until something has become stale.
//! A column is kept when it is read the second time: to keep it takes memory that is new to the
//! process, which costs more than decoding into memory that was used before.

use arrow_array::{Array as _, ArrayRef};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

/// A column is stale when the others were used so many times each, on average, since its last use.
const STALE_AFTER: u64 = 4;

/// Where a column comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Different for every table that was ever opened.
    pub(super) table: u64,
    pub(super) group: usize,
    pub(super) column: usize,
}

/// The values of one column in one row group, in batches.
pub(super) type Values = Arc<[ArrayRef]>;

#[derive(Debug)]
pub(crate) struct ColumnCache {
    bytes_max: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    /// Counts uses of any column.
    clock: u64,
    columns: HashMap<Place, Column>,
    /// Columns that were read once and not kept.
    read_once: HashSet<Place>,
}

#[derive(Debug)]
struct Column {
    values: Values,
    bytes: usize,
    used: u64,
}

impl ColumnCache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        ColumnCache { bytes_max, held: Mutex::default() }
    }

    #[cfg(test)]
    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().expect("nothing panics while it counts columns")
    }

    pub(super) fn get(&self, place: Place) -> Option<Values> {
        let mut held = self.held();
        held.clock += 1;
        let clock = held.clock;
        let column = held.columns.get_mut(&place)?;
        column.used = clock;
        Some(column.values.clone())
    }

    /// Whether a column of about so many bytes is to be kept that is about to be read. What is
    /// stale makes room for it.
    pub(super) fn wants(&self, place: Place, bytes: usize) -> bool {
        let mut held = self.held();
        if bytes > self.bytes_max || held.read_once.insert(place) {
            return false;
        }
        let fits = |held: &Held| held.bytes.saturating_add(bytes) <= self.bytes_max;
        if !fits(&held) {
            held.drop_stale();
        }
        fits(&held)
    }

    /// Keeps a column that is wanted, if there is still room.
    pub(super) fn keep(&self, place: Place, values: &Values) {
        let bytes = values.iter().map(|batch| batch.get_array_memory_size()).sum();
        let mut held = self.held();
        if held.columns.contains_key(&place) || held.bytes.saturating_add(bytes) > self.bytes_max {
            return;
        }
        let used = held.clock;
        held.bytes += bytes;
        held.read_once.remove(&place);
        held.columns.insert(place, Column { values: values.clone(), bytes, used });
    }

    /// Lets go of the columns of a table that nobody will read any more.
    pub(super) fn forget(&self, table: u64) {
        let mut held = self.held();
        held.retain(|place, _| place.table != table);
        held.read_once.retain(|place| place.table != table);
    }
}

impl Held {
    fn drop_stale(&mut self) {
        let horizon = self.clock.saturating_sub(STALE_AFTER * self.columns.len() as u64);
        self.retain(|_, column| column.used >= horizon);
    }

    fn retain(&mut self, keep: impl Fn(&Place, &Column) -> bool) {
        self.columns.retain(|place, column| keep(place, column));
        self.bytes = self.columns.values().map(|column| column.bytes).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Int64Array;

    fn place(table: u64, group: usize) -> Place {
        Place { table, group, column: 0 }
    }

    fn values() -> Values {
        [Arc::new(Int64Array::from(vec![7; 1_000])) as ArrayRef].into()
    }

    /// Asks for a column and reads it if need be; true if it was there.
    fn use_column(cache: &ColumnCache, place: Place) -> bool {
        if cache.get(place).is_some() {
            return true;
        }
        if cache.wants(place, 9_000) {
            cache.keep(place, &values());
        }
        false
    }

    /// Columns that are kept, and that were read once.
    fn counts(cache: &ColumnCache) -> (usize, usize) {
        let held = cache.held();
        (held.columns.len(), held.read_once.len())
    }

    fn use_columns(cache: &ColumnCache, table: u64) {
        for group in 0..4 {
            use_column(cache, place(table, group));
        }
    }

    #[test]
    fn what_fits_stays_however_much_is_read_beside_it() {
        let cache = ColumnCache::new(4 * 9_000);
        for round in 0..4 {
            let hits = (0..10).filter(|group| use_column(&cache, place(1, *group))).count();
            assert_eq!(hits, if round < 2 { 0 } else { 4 }, "round {round}");
        }
        assert!(cache.held().bytes <= 4 * 9_000);
    }

    #[test]
    fn what_is_not_used_any_more_makes_room() {
        let cache = ColumnCache::new(4 * 9_000);
        (0..2).for_each(|_| use_columns(&cache, 1));
        (0..10).for_each(|_| use_columns(&cache, 2));
        assert!((0..4).all(|group| use_column(&cache, place(2, group))));
        assert!(!use_column(&cache, place(1, 0)));
    }

    #[test]
    fn a_forgotten_table_takes_no_memory() {
        let cache = ColumnCache::new(1 << 20);
        use_column(&cache, place(3, 0));
        for _ in 0..2 {
            use_columns(&cache, 1);
            use_column(&cache, place(2, 0));
        }
        (1..=3).step_by(2).for_each(|table| cache.forget(table));
        assert_eq!(counts(&cache), (1, 0));
        assert!(use_column(&cache, place(2, 0)));
        cache.forget(2);
        assert_eq!(cache.held().bytes, 0);
    }

    #[test]
    fn nothing_is_kept_without_a_budget() {
        let cache = ColumnCache::new(0);
        (0..3).for_each(|_| assert!(!use_column(&cache, place(1, 0))));
        assert_eq!(counts(&cache), (0, 0));
    }

    #[test]
    fn what_others_have_filled_meanwhile_is_not_kept_too() {
        let cache = ColumnCache::new(2 * 9_000);
        for _ in 0..2 {
            // All are wanted before the first is kept.
            let wanted = (0..4).filter(|group| cache.wants(place(1, *group), 9_000)).count();
            assert!(wanted == 0 || wanted == 4);
        }
        (0..4).for_each(|group| cache.keep(place(1, group), &values()));
        assert_eq!(cache.held().columns.len(), 2);
        assert!(cache.held().bytes <= 2 * 9_000);
    }
}
