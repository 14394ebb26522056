//! IDs in the forms that AWS gives them, all drawn from one seed.

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A source of IDs, and of the order in which things were made.
#[derive(Debug)]
pub(crate) struct Ids {
    random: fastrand::Rng,
    count: u64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), count: 0 }
    }

    /// A number greater than every one before it.
    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// `[0-9a-zA-Z]{10}`
    pub(crate) fn target(&mut self) -> String {
        self.draw(MIXED)
    }

    /// `<name>-[0-9a-z]{10}`
    pub(crate) fn gateway(&mut self, name: &str) -> String {
        format!("{}-{}", name.to_ascii_lowercase(), self.draw(LOWER))
    }

    /// What an authorization URL is known by.
    pub(crate) fn consent(&mut self) -> String {
        self.draw(MIXED) + &self.draw(MIXED)
    }

    fn draw(&mut self, alphabet: &[u8]) -> String {
        (0..10).map(|_| char::from(alphabet[self.random.usize(..alphabet.len())])).collect()
    }
}
