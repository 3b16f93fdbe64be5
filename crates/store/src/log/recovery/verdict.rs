//! What to do at a place where no good frame stands: a decision table.

/// What is seen at a place where no good frame stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) last_segment: bool,
    /// Nothing but zeros, or nothing at all, from here on.
    pub(crate) rest_is_zero: bool,
    /// The next segment begins with the lsn that is due here. False in the last segment.
    pub(crate) next_begins_here: bool,
    /// A later good frame says that this place was durable, or is a closing frame.
    pub(crate) later_frame_vouches: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The end of the log.
    End,
    /// The end of a sealed segment.
    SealedEnd,
    /// The last cycle was torn by a crash: cut it off.
    Torn,
    /// Bytes that were durable are gone or changed: refuse to start.
    Damage,
}

/// One row: what must be so (`None`: either way) and what follows.
struct Row {
    last_segment: bool,
    rest_is_zero: Option<bool>,
    next_begins_here: Option<bool>,
    later_frame_vouches: Option<bool>,
    verdict: Verdict,
}

/// Exactly one row matches every [`Sight`]; a test tries them all.
#[rustfmt::skip]
const VERDICTS: [Row; 6] = [
    // The usual end: zeros written ahead, or the end of the file.
    Row { last_segment: true,  rest_is_zero: Some(true),  next_begins_here: None,        later_frame_vouches: None,        verdict: Verdict::End },
    // Only the last cycle was never marked durable, and its pages may be lost in any order.
    Row { last_segment: true,  rest_is_zero: Some(false), next_begins_here: None,        later_frame_vouches: Some(false), verdict: Verdict::Torn },
    // Somebody was answered for what stood here.
    Row { last_segment: true,  rest_is_zero: Some(false), next_begins_here: None,        later_frame_vouches: Some(true),  verdict: Verdict::Damage },
    // A sealed segment was synced whole before the next one began.
    Row { last_segment: false, rest_is_zero: Some(true),  next_begins_here: Some(true),  later_frame_vouches: None,        verdict: Verdict::SealedEnd },
    Row { last_segment: false, rest_is_zero: Some(true),  next_begins_here: Some(false), later_frame_vouches: None,        verdict: Verdict::Damage },
    Row { last_segment: false, rest_is_zero: Some(false), next_begins_here: None,        later_frame_vouches: None,        verdict: Verdict::Damage },
];

impl Row {
    fn matches(&self, sight: &Sight) -> bool {
        let holds = |wanted: Option<bool>, seen: bool| wanted.is_none_or(|wanted| wanted == seen);
        self.last_segment == sight.last_segment
            && holds(self.rest_is_zero, sight.rest_is_zero)
            && holds(self.next_begins_here, sight.next_begins_here)
            && holds(self.later_frame_vouches, sight.later_frame_vouches)
    }
}

pub(crate) fn judge(sight: &Sight) -> Verdict {
    VERDICTS.iter().find(|row| row.matches(sight)).expect("the table is complete").verdict
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sight_matches_exactly_one_row() {
        for bits in 0..16u8 {
            let bit = |place: u8| bits >> place & 1 == 1;
            let sight = Sight {
                last_segment: bit(0),
                rest_is_zero: bit(1),
                next_begins_here: bit(2),
                later_frame_vouches: bit(3),
            };
            let matching = VERDICTS.iter().filter(|row| row.matches(&sight)).count();
            assert_eq!(matching, 1, "{sight:?}");
        }
    }
}
