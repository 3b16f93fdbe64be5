//! Names that come again and again: the account of a row is mostly one that an earlier row had.

use ledger::NameError;
use std::borrow::Borrow;

/// How many names are kept, a power of two. One that is not kept is only read again.
const SLOTS: usize = 4_096;

/// Names by their text; a name that falls on another's place takes it.
#[derive(Debug, Clone)]
pub(super) struct NameCache<N> {
    slots: Vec<Option<N>>,
}

impl<N> NameCache<N> {
    /// Keeps nothing: for few rows.
    pub(super) fn none() -> Self {
        NameCache { slots: Vec::new() }
    }
}

impl<N: Borrow<str> + Clone> NameCache<N> {
    pub(super) fn new() -> Self {
        NameCache { slots: vec![None; SLOTS] }
    }

    pub(super) fn get(
        &mut self,
        text: &str,
        read: impl FnOnce(&str) -> Result<N, NameError>,
    ) -> Result<N, NameError> {
        let Some(slot) = self.slots.get_mut(place(text)) else { return read(text) };
        if let Some(name) = slot
            && Borrow::<str>::borrow(name) == text
        {
            return Ok(name.clone());
        }
        let name = read(text)?;
        *slot = Some(name.clone());
        Ok(name)
    }
}

/// FNV-1a: short, and whoever makes names collide only slows himself down.
fn place(text: &str) -> usize {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (hash >> 32) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::AccountPath;

    #[test]
    fn a_name_is_always_its_own() {
        for mut cache in [NameCache::new(), NameCache::none()] {
            for round in 0..2 {
                for number in 0..3 * SLOTS {
                    let text = format!("account:{number}");
                    let name = cache.get(&text, AccountPath::new).unwrap();
                    assert_eq!(name.as_str(), text, "round {round}");
                }
            }
            assert!(cache.get("", AccountPath::new).is_err());
        }
    }
}
