//! Whose runtime it is.

use serde::{Deserialize, Serialize};

/// Whom a runtime serves besides this client. In a recording, whether it is shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub enum Company {
    /// It was started for this client.
    #[default]
    Nobody,
    /// Whoever connects to it.
    Others,
}

impl From<bool> for Company {
    fn from(is_shared: bool) -> Self {
        if is_shared { Self::Others } else { Self::Nobody }
    }
}

impl From<Company> for bool {
    fn from(company: Company) -> Self {
        company == Company::Others
    }
}
