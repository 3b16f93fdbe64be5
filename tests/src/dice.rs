//! Random numbers that a printed seed brings back.

/// SplitMix64: small, fast, and good enough to shuffle a test.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// The seed in `TALLYBOOK_SEED`, or a fresh one. It is printed, so that a failure can be
    /// repeated.
    ///
    /// # Panics
    /// If `TALLYBOOK_SEED` is not a number.
    pub fn seeded() -> (u64, Self) {
        let seed = match std::env::var("TALLYBOOK_SEED") {
            Ok(text) => text.parse().expect("TALLYBOOK_SEED is a number"),
            Err(_) => {
                u64::from(std::process::id()).wrapping_mul(0x9E37_79B9)
                    ^ std::time::SystemTime::UNIX_EPOCH
                        .elapsed()
                        .map_or(0, |since| since.as_micros() as u64)
            }
        };
        println!("TALLYBOOK_SEED={seed}");
        (seed, Dice(seed))
    }

    /// The seed in `TALLYBOOK_SEED`, or this one: for comparisons so wide that a run with a fresh
    /// seed belongs to a search for bugs and not to every run of the tests.
    ///
    /// # Panics
    /// If `TALLYBOOK_SEED` is not a number.
    pub fn seeded_or(seed: u64) -> (u64, Self) {
        match std::env::var_os("TALLYBOOK_SEED") {
            Some(_) => Self::seeded(),
            None => (seed, Dice(seed)),
        }
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end - 1`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }
}
