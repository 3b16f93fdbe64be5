//! What queries may hold in memory: each by itself, and all of them together.
//!
//! Owns the two bounds and who is refused at which. What a query is told is in `memory_error`.
//!
//! Invariants: no query holds more than its limit; a query that holds little finds room however much
//! the others hold; what a query held is free when its last operator is dropped, however it ended.

use crate::stop::StopSignal;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    FairSpillPool, GreedyMemoryPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
    TrackConsumersPool,
};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How many consumers an out-of-memory message names.
const CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::new(3).expect("three is not zero");

/// One part of so many is left to queries that hold little.
const RESERVE: usize = 8;
/// A query holds little up to one part of so many.
const LITTLE: usize = 64;

/// The memory of all queries. Cheap to clone; all clones are the same memory.
#[derive(Debug, Clone)]
pub(crate) struct QueryMemory {
    inner: Arc<Shared>,
    sharing: Sharing,
}

/// How the operators of a query divide what it may hold.
#[derive(Debug, Clone, Copy)]
enum Sharing {
    FirstCome,
    /// Those that can put what they hold into files have even shares, so that none has to do it
    /// because another was first.
    Evenly,
}

#[derive(Debug)]
struct Shared {
    total: usize,
    /// What one query may be given at most.
    query_max: usize,
    used: AtomicUsize,
}

impl QueryMemory {
    /// So many bytes for all queries, and at most `query_max` of them for one.
    pub(crate) fn new(total: usize, query_max: usize) -> Self {
        let query_max = query_max.min(total);
        let inner = Arc::new(Shared { total, query_max, used: AtomicUsize::new(0) });
        QueryMemory { inner, sharing: Sharing::FirstCome }
    }

    /// The same memory, of queries that have files for what does not fit.
    pub(crate) fn beside_files(self) -> Self {
        QueryMemory { sharing: Sharing::Evenly, ..self }
    }

    /// What one query may be given at most, in bytes.
    pub(crate) fn query_max(&self) -> usize {
        self.inner.query_max
    }

    /// What running queries hold, in bytes.
    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.inner.used.load(Ordering::Relaxed)
    }

    /// The memory of one query, which may hold so many bytes; none any more after the signal.
    pub(crate) fn of_query(&self, limit: usize, stop: &StopSignal) -> Arc<QueryPool> {
        let limit = limit.min(self.inner.query_max);
        let shares: Box<dyn MemoryPool> = match self.sharing {
            Sharing::FirstCome => Box::new(GreedyMemoryPool::new(limit)),
            Sharing::Evenly => Box::new(FairSpillPool::new(limit)),
        };
        let bounded = Bounded { shared: Arc::clone(&self.inner), limit, shares };
        Arc::new(QueryPool {
            tracked: TrackConsumersPool::new(bounded, CONSUMERS_NAMED),
            stop: stop.clone(),
            refused: Mutex::default(),
        })
    }
}

impl Shared {
    /// Takes bytes for a query that holds `held` with them.
    fn try_take(&self, bytes: usize, held: usize) -> bool {
        let room = match held <= self.total / LITTLE {
            true => self.total,
            false => self.total - self.total / RESERVE,
        };
        let taken = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= room);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Why memory was refused. It travels as text: operators know only what DataFusion calls exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The query would hold more than so many bytes.
    Limit(usize),
    /// All queries together would hold more than there is.
    Total(usize),
}

const LIMIT: &str = "query memory limit ";
const TOTAL: &str = "query memory total ";

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Limit(bytes) => write!(f, "{LIMIT}{bytes}"),
            Refusal::Total(bytes) => write!(f, "{TOTAL}{bytes}"),
        }
    }
}

impl Refusal {
    /// The refusal that a message was made of.
    pub(crate) fn of_message(message: &str) -> Option<Self> {
        let bytes_behind = |words: &str| {
            let (_, rest) = message.split_once(words)?;
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse().ok()
        };
        bytes_behind(LIMIT).map(Refusal::Limit).or_else(|| bytes_behind(TOTAL).map(Refusal::Total))
    }
}

/// The memory of one query.
#[derive(Debug)]
pub(crate) struct QueryPool {
    tracked: TrackConsumersPool<Bounded>,
    stop: StopSignal,
    /// What was last refused, and who held how much then.
    refused: Mutex<Option<String>>,
}

impl QueryPool {
    /// The error with the reason why memory was refused: operators may put their own in its place.
    pub(crate) fn explained(&self, error: DataFusionError) -> DataFusionError {
        if !matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)) {
            return error;
        }
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        refused.map_or(error, DataFusionError::ResourcesExhausted)
    }
}

impl fmt::Display for QueryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tracked.fmt(f)
    }
}

impl MemoryPool for QueryPool {
    fn name(&self) -> &str {
        self.tracked.name()
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.tracked.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.tracked.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.tracked.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.tracked.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.stop.check()?;
        let grown = self.tracked.try_grow(reservation, additional);
        if let Err(DataFusionError::ResourcesExhausted(message)) = &grown {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.clone());
        }
        grown
    }

    fn reserved(&self) -> usize {
        self.tracked.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.tracked.memory_limit()
    }
}

/// A query's limit: what it takes, it takes of all queries' memory too.
#[derive(Debug)]
struct Bounded {
    shared: Arc<Shared>,
    limit: usize,
    shares: Box<dyn MemoryPool>,
}

impl fmt::Display for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of at most {} bytes", self.name(), self.limit)
    }
}

impl MemoryPool for Bounded {
    fn name(&self) -> &str {
        "query"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.shares.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.shares.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.shares.grow(reservation, additional);
        self.shared.used.fetch_add(additional, Ordering::Relaxed);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.shares.shrink(reservation, shrink);
        self.shared.give_back(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let refused = |refusal: Refusal| DataFusionError::ResourcesExhausted(refusal.to_string());
        self.shares
            .try_grow(reservation, additional)
            .map_err(|_| refused(Refusal::Limit(self.limit)))?;
        if !self.shared.try_take(additional, self.shares.reserved()) {
            self.shares.shrink(reservation, additional);
            return Err(refused(Refusal::Total(self.shared.total)));
        }
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.shares.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reservation(pool: &Arc<QueryPool>) -> MemoryReservation {
        let pool: Arc<dyn MemoryPool> = Arc::clone(pool) as _;
        MemoryConsumer::new("test").register(&pool)
    }

    fn refusal(result: Result<()>) -> Option<Refusal> {
        Refusal::of_message(&result.unwrap_err().to_string())
    }

    #[test]
    fn a_query_has_its_limit_and_all_have_theirs() {
        let memory = QueryMemory::new(6_400, 3_200);
        let (first, second) = (
            memory.of_query(1_000, &StopSignal::default()),
            memory.of_query(1_000_000, &StopSignal::default()),
        );
        let (a, b) = (reservation(&first), reservation(&first));
        a.try_grow(600).unwrap();
        assert_eq!(refusal(b.try_grow(401)), Some(Refusal::Limit(1_000)));
        b.try_grow(400).unwrap();
        let c = reservation(&second);
        assert_eq!(refusal(c.try_grow(3_201)), Some(Refusal::Limit(3_200)));
        c.try_grow(3_200).unwrap();
        assert_eq!(memory.used(), 4_200);
        drop((a, b, c));
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn the_last_part_is_for_those_who_hold_little() {
        let memory = QueryMemory::new(6_400, 3_200);
        let (first, second) = (
            memory.of_query(3_200, &StopSignal::default()),
            memory.of_query(3_200, &StopSignal::default()),
        );
        let (a, b) = (reservation(&first), reservation(&second));
        a.try_grow(3_200).unwrap();
        b.try_grow(2_400).unwrap();
        // An eighth is left, and not for whom holds much.
        assert_eq!(refusal(b.try_grow(1)), Some(Refusal::Total(6_400)));
        let small = memory.of_query(3_200, &StopSignal::default());
        let c = reservation(&small);
        c.try_grow(100).unwrap();
        assert_eq!(refusal(c.try_grow(1)), Some(Refusal::Total(6_400)));
        // A refusal takes nothing.
        assert_eq!((b.size(), small.reserved(), memory.used()), (2_400, 100, 5_700));
        drop(a);
        c.try_grow(1).unwrap();
    }

    #[test]
    fn a_query_that_is_to_end_gets_no_more() {
        let memory = QueryMemory::new(6_400, 3_200);
        let stop = StopSignal::default();
        let pool = memory.of_query(3_200, &stop);
        let held = reservation(&pool);
        held.try_grow(100).unwrap();
        stop.give();
        assert!(matches!(held.try_grow(1), Err(DataFusionError::Execution(_))));
        assert_eq!(memory.used(), 100);
    }
}
