//! `AT TIME ZONE`: an instant as local time of a zone, and local time of a zone as an instant.

use super::cast::timestamptz_type;
use super::own;
use super::simple::{answer, arrays, undefined};
use crate::{Error, Fault};
use chrono_tz::Tz;
use datafusion::arrow::array::{Array, AsArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

pub(super) fn timezone() -> ScalarUDF {
    ScalarUDF::from(TimeZone { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TimeZone {
    signature: Signature,
}

const LOCAL: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

impl ScalarUDFImpl for TimeZone {
    fn name(&self) -> &str {
        "timezone"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Utf8, DataType::Timestamp(_, None)] => Ok(vec![DataType::Utf8, LOCAL]),
            // A date, or a text, is an instant first.
            [DataType::Utf8, DataType::Timestamp(_, Some(_)) | DataType::Null] => {
                Ok(vec![DataType::Utf8, timestamptz_type()])
            }
            _ => Err(undefined("timezone", types)),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match types.last() {
            Some(DataType::Timestamp(_, None)) => timestamptz_type(),
            _ => LOCAL,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [zones, times] = arrays.as_slice() else { return Err(undefined("timezone", &[])) };
        let from_local = times.data_type() == &LOCAL;
        let (zones, times) =
            (zones.as_string::<i32>(), times.as_primitive::<TimestampMicrosecondType>());
        let moved = (0..times.len())
            .map(|row| {
                if zones.is_null(row) || times.is_null(row) {
                    return Ok(None);
                }
                let zone = zone(zones.value(row))?;
                let micros = times.value(row);
                let moved = match from_local {
                    true => crate::timestamp::instant_of_local(micros, zone),
                    false => crate::timestamp::local_of_instant(micros, zone),
                };
                moved.map(Some).map_err(own)
            })
            .collect::<Result<TimestampMicrosecondArray>>()?;
        match from_local {
            true => answer(Arc::new(moved.with_timezone("UTC")), constant),
            false => answer(Arc::new(moved), constant),
        }
    }
}

fn zone(name: &str) -> Result<Tz> {
    crate::timestamp::named_zone(name).ok_or_else(|| {
        own(Error::new(
            Fault::InvalidParameterValue,
            format!("time zone \"{name}\" not recognized"),
        ))
    })
}
