//! Where a cursor stands, and what a FETCH has to step over to get where it is told to.
//!
//! A cursor stands before its first row, on a row, or behind its last one; how many rows there are
//! is known only once the last has been read. The rules are those of Postgres, to the letter, so
//! that a FETCH past either end leaves the cursor where a program expects it.

use super::FetchCommand;
use crate::{Error, Fault, Result};

/// Where to, as FETCH and MOVE say it. `None` is ALL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// So many rows on; a negative number goes back.
    Forward(Option<i64>),
    Backward(Option<i64>),
    /// The row of this number; a negative one counts from the end, 0 is before the first.
    Absolute(i64),
    /// The row so far from the present one.
    Relative(i64),
}

/// One movement over rows, in one direction, by so many; `None` is to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorStep {
    /// Back to before the first row.
    Rewind,
    Forward(Option<u64>),
    Backward(Option<u64>),
}

/// What a FETCH or MOVE comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchPlan {
    /// What is stepped over first.
    pub skips: Vec<CursorStep>,
    pub ends: FetchEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchEnd {
    /// The rows that are given, or for a MOVE counted.
    Rows(CursorStep),
    /// A MOVE whose count is known without reading.
    Counted(u64),
}

/// A cursor before its first row stands at 0 and at its start; on the nth at n; behind the last of
/// n rows at n and at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorPosition {
    at: u64,
    is_at_start: bool,
    is_at_end: bool,
}

impl Default for CursorPosition {
    fn default() -> Self {
        CursorPosition { at: 0, is_at_start: true, is_at_end: false }
    }
}

impl CursorPosition {
    pub fn is_at_end(self) -> bool {
        self.is_at_end
    }

    /// How many rows lie before the one that the next step forward reads.
    pub fn next_row(self) -> u64 {
        self.at
    }

    /// How many rows a step back can still read.
    pub fn rows_behind(self) -> u64 {
        if self.is_at_end { self.at } else { self.at.saturating_sub(1) }
    }

    /// A step forward by `wanted` has read `read` rows.
    pub fn went_forward(&mut self, wanted: Option<u64>, read: u64) {
        if self.is_at_end || wanted == Some(0) {
            return;
        }
        self.is_at_start &= read == 0;
        self.is_at_end = wanted.is_none_or(|wanted| read < wanted);
        self.at += read;
    }

    /// A step back by `wanted` has read `read` rows.
    pub fn went_back(&mut self, wanted: Option<u64>, read: u64) {
        if self.is_at_start || wanted == Some(0) {
            return;
        }
        if read > 0 && self.is_at_end {
            self.is_at_end = false;
            self.at += 1;
        }
        if wanted.is_none_or(|wanted| read < wanted) {
            *self = CursorPosition::default();
        } else {
            self.at -= read;
        }
    }

    /// The steps to where `fetch` wants to be.
    ///
    /// # Errors
    /// If it has to go back and the cursor goes forward only.
    pub fn plan(self, fetch: &FetchCommand, is_scroll: bool) -> Result<FetchPlan> {
        let plan = self.steps(fetch.direction, fetch.is_move);
        let ends_back =
            matches!(plan.ends, FetchEnd::Rows(CursorStep::Backward(_) | CursorStep::Rewind));
        let goes_back = ends_back
            || plan
                .skips
                .iter()
                .any(|step| matches!(step, CursorStep::Backward(_) | CursorStep::Rewind));
        if goes_back && !is_scroll {
            return Err(Error::new(
                Fault::ObjectNotInPrerequisiteState,
                "cursor can only scan forward",
            )
            .with_hint("Declare it with SCROLL option to enable backward scan."));
        }
        Ok(plan)
    }

    fn steps(self, direction: Direction, is_move: bool) -> FetchPlan {
        match direction {
            Direction::Forward(count) => self.straight(count, true, is_move),
            Direction::Backward(count) => self.straight(count, false, is_move),
            Direction::Absolute(0) => FetchPlan::of(self.rewind(), CursorStep::Forward(Some(0))),
            Direction::Absolute(row) if row > 0 => self.to_row(row.unsigned_abs()),
            Direction::Absolute(row) => {
                let from_end = row.unsigned_abs();
                let mut skips = vec![CursorStep::Forward(None)];
                skips.extend((from_end > 1).then(|| CursorStep::Backward(Some(from_end - 1))));
                FetchPlan::of(skips, CursorStep::Backward(Some(1)))
            }
            Direction::Relative(0) => self.here(is_move),
            Direction::Relative(rows) => {
                let step = if rows > 0 { CursorStep::Forward } else { CursorStep::Backward };
                let over = rows.unsigned_abs() - 1;
                FetchPlan::of((over > 0).then(|| step(Some(over))), step(Some(1)))
            }
        }
    }

    fn straight(self, count: Option<i64>, forward: bool, is_move: bool) -> FetchPlan {
        let forward = match count {
            Some(0) => return self.here(is_move),
            Some(count) if count < 0 => !forward,
            _ => forward,
        };
        let count = count.map(i64::unsigned_abs);
        if forward {
            return FetchPlan::of([], CursorStep::Forward(count));
        }
        if is_move && count.is_none() {
            let on_row = u64::from(self.at > 0 && !self.is_at_end);
            return FetchPlan { skips: self.rewind(), ends: FetchEnd::Counted(self.at - on_row) };
        }
        FetchPlan::of([], CursorStep::Backward(count))
    }

    /// The present row again, if the cursor stands on one.
    fn here(self, is_move: bool) -> FetchPlan {
        let is_on_row = !self.is_at_start && !self.is_at_end;
        if is_move {
            return FetchPlan { skips: Vec::new(), ends: FetchEnd::Counted(u64::from(is_on_row)) };
        }
        match is_on_row {
            true => FetchPlan::of([CursorStep::Backward(Some(1))], CursorStep::Forward(Some(1))),
            false => FetchPlan::of([], CursorStep::Forward(Some(0))),
        }
    }

    /// The row of a number, by the shorter way.
    fn to_row(self, row: u64) -> FetchPlan {
        let before = row - 1;
        let here = self.at + u64::from(self.is_at_end);
        let mut skips = Vec::new();
        if before <= self.at / 2 {
            skips = self.rewind();
            skips.extend((before > 0).then_some(CursorStep::Forward(Some(before))));
        } else if row <= here {
            skips.push(CursorStep::Backward(Some(here - before)));
        } else if before > here {
            skips.push(CursorStep::Forward(Some(before - here)));
        }
        FetchPlan::of(skips, CursorStep::Forward(Some(1)))
    }

    fn rewind(self) -> Vec<CursorStep> {
        let is_there = self.is_at_start && !self.is_at_end;
        if is_there { Vec::new() } else { vec![CursorStep::Rewind] }
    }
}

impl FetchPlan {
    fn of(skips: impl IntoIterator<Item = CursorStep>, last: CursorStep) -> Self {
        FetchPlan { skips: skips.into_iter().collect(), ends: FetchEnd::Rows(last) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fetches from rows 1 to `count` as a server would.
    fn fetch(position: &mut CursorPosition, count: u64, direction: Direction) -> Vec<u64> {
        let command = FetchCommand { name: "c".to_owned(), direction, is_move: false };
        let plan = position.plan(&command, true).unwrap();
        for skip in plan.skips {
            step(position, count, skip);
        }
        match plan.ends {
            FetchEnd::Rows(last) => step(position, count, last),
            FetchEnd::Counted(_) => panic!("a FETCH reads its rows"),
        }
    }

    fn step(position: &mut CursorPosition, count: u64, step: CursorStep) -> Vec<u64> {
        match step {
            CursorStep::Rewind => {
                *position = CursorPosition::default();
                Vec::new()
            }
            CursorStep::Forward(wanted) => {
                let rows: Vec<u64> = match position.is_at_end() {
                    true => Vec::new(),
                    false => (position.next_row() + 1..=count).collect(),
                };
                let rows = taken(rows, wanted);
                position.went_forward(wanted, rows.len() as u64);
                rows
            }
            CursorStep::Backward(wanted) => {
                let rows = taken((1..=position.rows_behind()).rev().collect(), wanted);
                position.went_back(wanted, rows.len() as u64);
                rows
            }
        }
    }

    fn taken(mut rows: Vec<u64>, wanted: Option<u64>) -> Vec<u64> {
        rows.truncate(wanted.map_or(usize::MAX, |wanted| wanted as usize));
        rows
    }

    /// What each direction means, said in another way: by the place a cursor ends at.
    fn expected(at: i64, count: i64, direction: Direction) -> (Vec<u64>, i64) {
        let inside = |row: i64| (1..=count).contains(&row);
        let run = |from: i64, to: i64| -> Vec<u64> {
            let rows: Vec<i64> =
                if from <= to { (from..=to).collect() } else { (to..=from).rev().collect() };
            rows.into_iter().filter(|row| inside(*row)).map(i64::unsigned_abs).collect()
        };
        let single = |row: i64| {
            let row = row.clamp(0, count + 1);
            (run(row, row), row)
        };
        match direction {
            Direction::Forward(Some(0)) | Direction::Backward(Some(0)) => (run(at, at), at),
            Direction::Backward(wanted) => {
                let wanted = wanted.map(|wanted| -wanted);
                match wanted {
                    Some(wanted) => expected(at, count, Direction::Forward(Some(wanted))),
                    None => (if at > 0 { run(at - 1, 0) } else { Vec::new() }, 0),
                }
            }
            Direction::Forward(None) => (run(at + 1, count + 1), count + 1),
            Direction::Forward(Some(wanted)) => {
                let to = (at + wanted).clamp(0, count + 1);
                let first = at + wanted.signum();
                let stays = at == to;
                (if stays { Vec::new() } else { run(first, to) }, to)
            }
            Direction::Absolute(0) => (Vec::new(), 0),
            Direction::Absolute(row) if row > 0 => single(row),
            Direction::Absolute(row) => single(count + 1 + row),
            Direction::Relative(rows) => single(at + rows),
        }
    }

    #[test]
    fn every_direction_from_every_place_gives_the_rows_it_names() {
        let numbers = || -6..=6;
        let directions: Vec<Direction> = numbers()
            .flat_map(|n| {
                [
                    Direction::Forward(Some(n)),
                    Direction::Backward(Some(n)),
                    Direction::Absolute(n),
                    Direction::Relative(n),
                ]
            })
            .chain([Direction::Forward(None), Direction::Backward(None)])
            .collect();
        let count = 4;
        for at in 0..=count + 1 {
            for direction in &directions {
                let mut position = CursorPosition::default();
                fetch(&mut position, 4, Direction::Forward(Some(at)));
                let rows = fetch(&mut position, 4, *direction);
                let (wanted, to) = expected(at, count, *direction);
                assert_eq!(rows, wanted, "{direction:?} from {at}");
                let place = match position {
                    CursorPosition { is_at_end: true, .. } => count + 1,
                    CursorPosition { at, .. } => at as i64,
                };
                assert_eq!(place, to, "after {direction:?} from {at}");
            }
        }
    }

    #[test]
    fn a_cursor_that_goes_forward_only_says_so() {
        let mut position = CursorPosition::default();
        position.went_forward(Some(2), 2);
        let refused = [
            Direction::Backward(Some(1)),
            Direction::Forward(Some(0)),
            Direction::Absolute(1),
            Direction::Absolute(-1),
            Direction::Relative(-1),
        ];
        for direction in refused {
            let command = FetchCommand { name: "c".to_owned(), direction, is_move: false };
            let error = position.plan(&command, false).unwrap_err();
            assert_eq!(*error.fault(), Fault::ObjectNotInPrerequisiteState, "{direction:?}");
        }
        for direction in [Direction::Forward(None), Direction::Absolute(3), Direction::Relative(2)]
        {
            let command = FetchCommand { name: "c".to_owned(), direction, is_move: true };
            assert!(position.plan(&command, false).is_ok(), "{direction:?}");
        }
    }
}
