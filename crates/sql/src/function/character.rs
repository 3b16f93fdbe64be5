//! `chr`: the letter of a code.

use super::own;
use super::typed::{Datum, Kind, Row, immutable, overload};
use crate::{Error, Fault, PgType};
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;

pub(super) fn chr() -> ScalarUDF {
    immutable("chr", &[overload(&[Kind::Int], PgType::Text, character)])
}

fn character(row: &Row<'_>) -> Result<Option<Datum<'static>>> {
    let code = row.int(0);
    if code < 0 {
        let message = "character number must be positive";
        return Err(own(Error::new(Fault::InvalidParameterValue, message)));
    }
    if code == 0 {
        let message = "null character not permitted";
        return Err(own(Error::new(Fault::ProgramLimitExceeded, message)));
    }
    let letter = u32::try_from(code).ok().and_then(char::from_u32).ok_or_else(|| {
        let message = format!("requested character too large for encoding: {code}");
        own(Error::new(Fault::ProgramLimitExceeded, message))
    })?;
    Ok(Some(Datum::text(letter)))
}
