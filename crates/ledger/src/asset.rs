//! What can be owed: a currency or a token, with an immutable number of decimals.

use crate::AssetId;
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssetClass {
    Fiat,
    Crypto,
}

impl AssetClass {
    pub const ALL: [AssetClass; 2] = [AssetClass::Fiat, AssetClass::Crypto];

    pub fn as_str(self) -> &'static str {
        match self {
            AssetClass::Fiat => "fiat",
            AssetClass::Crypto => "crypto",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }
}

impl fmt::Display for AssetClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An asset as it was registered. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    pub id: AssetId,
    pub class: AssetClass,
    /// The chain a token lives on, such as `ethereum`.
    pub network: Option<String>,
    /// The token's own id on its network, such as a contract address.
    pub native_id: Option<String>,
    /// Decimals of the minor unit: 2 for cents, 0 to 38.
    pub precision: u8,
    pub name: String,
}

impl Asset {
    /// The most decimals an asset can have: more would not fit the 38 digits of an amount.
    pub const PRECISION_MAX: u8 = 38;
}
