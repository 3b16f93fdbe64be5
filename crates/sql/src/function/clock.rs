//! `clock_timestamp()`: the time at which it is called. The times of blocks and statements are
//! `now()` and `statement_timestamp()`.

use super::cast::timestamptz_type;
use chrono::Utc;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

pub(super) fn clock_timestamp() -> ScalarUDF {
    ScalarUDF::from(ClockTimestamp { signature: Signature::nullary(Volatility::Volatile) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ClockTimestamp {
    signature: Signature,
}

impl ScalarUDFImpl for ClockTimestamp {
    fn name(&self) -> &str {
        "clock_timestamp"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(timestamptz_type())
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let micros = Utc::now().timestamp_micros();
        let now = ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()));
        Ok(ColumnarValue::Scalar(now))
    }
}
