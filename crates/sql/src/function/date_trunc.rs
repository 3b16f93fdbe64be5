//! `date_trunc`: DataFusion's own, except for periods of days and longer.
//!
//! DataFusion goes through the calendar for every value. Neighbours in a column mostly lie in the
//! same month, so here a period is found once and kept until a value lies outside of it.

use chrono::{DateTime, Datelike, Days, LocalResult, Months, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, FieldRef, TimeUnit, TimestampMicrosecondType};
use datafusion::error::Result;
use datafusion::functions::datetime;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::ops::Range;
use std::sync::Arc;

pub(super) fn date_trunc() -> ScalarUDF {
    ScalarUDF::from(DateTrunc { any: datetime::date_trunc() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    /// Any unit, any type.
    any: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        self.any.name()
    }

    fn signature(&self) -> &Signature {
        self.any.signature()
    }

    fn aliases(&self) -> &[String] {
        self.any.aliases()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.any.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.any.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match in_periods(&args.args) {
            Some(truncated) => Ok(ColumnarValue::Array(truncated)),
            None => self.any.invoke_with_args(args),
        }
    }
}

/// `None` where the general function has to answer.
fn in_periods(args: &[ColumnarValue]) -> Option<ArrayRef> {
    let [ColumnarValue::Scalar(unit), ColumnarValue::Array(array)] = args else { return None };
    let period = Period::named(unit.try_as_str()??)?;
    let DataType::Timestamp(TimeUnit::Microsecond, zone) = array.data_type() else { return None };
    let known: Tz = zone.as_deref().unwrap_or("UTC").parse().ok()?;
    let instants = array.as_primitive::<TimestampMicrosecondType>();
    let mut current = 0..0;
    let mut values = Vec::with_capacity(instants.len());
    for (row, instant) in instants.values().iter().enumerate() {
        // What stands under a NULL is nobody's instant.
        if !current.contains(instant) && instants.is_valid(row) {
            current = period.around(*instant, known)?;
        }
        values.push(current.start);
    }
    let truncated = TimestampMicrosecondArray::new(values.into(), instants.nulls().cloned());
    Some(Arc::new(truncated.with_timezone_opt(zone.clone())))
}

#[derive(Debug, Clone, Copy)]
enum Period {
    Day,
    Week,
    Months(u32),
}

impl Period {
    fn named(unit: &str) -> Option<Self> {
        Some(match unit.to_ascii_lowercase().as_str() {
            "day" => Period::Day,
            "week" => Period::Week,
            "month" => Period::Months(1),
            "quarter" => Period::Months(3),
            "year" => Period::Months(12),
            _ => return None,
        })
    }

    /// The instants of the period that holds this one. `None` where the zone's clock repeats or
    /// skips one of its ends, or the calendar does.
    fn around(self, instant: i64, zone: Tz) -> Option<Range<i64>> {
        let date = DateTime::from_timestamp_micros(instant)?.with_timezone(&zone).date_naive();
        let first = match self {
            Period::Day => date,
            Period::Week => {
                date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into()))?
            }
            Period::Months(months) => {
                let month = date.month0() / months * months;
                NaiveDate::from_ymd_opt(date.year(), month + 1, 1)?
            }
        };
        let next = match self {
            Period::Day => first.checked_add_days(Days::new(1))?,
            Period::Week => first.checked_add_days(Days::new(7))?,
            Period::Months(months) => first.checked_add_months(Months::new(months))?,
        };
        let period = midnight(first, zone)?..midnight(next, zone)?;
        period.contains(&instant).then_some(period)
    }
}

fn midnight(date: NaiveDate, zone: Tz) -> Option<i64> {
    match zone.from_local_datetime(&date.and_time(NaiveTime::MIN)) {
        LocalResult::Single(instant) => Some(instant.timestamp_micros()),
        LocalResult::None | LocalResult::Ambiguous(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::Field;
    use datafusion::config::ConfigOptions;
    use datafusion::scalar::ScalarValue;

    const HOUR: i64 = 3_600_000_000;

    fn call(function: &ScalarUDF, unit: &str, instants: &ArrayRef) -> ArrayRef {
        let arg_fields = vec![
            Arc::new(Field::new("unit", DataType::Utf8, false)),
            Arc::new(Field::new("instant", instants.data_type().clone(), true)),
        ];
        let args = ScalarFunctionArgs {
            args: vec![
                ColumnarValue::Scalar(ScalarValue::from(unit)),
                ColumnarValue::Array(Arc::clone(instants)),
            ],
            arg_fields,
            number_rows: instants.len(),
            return_field: Arc::new(Field::new("", instants.data_type().clone(), true)),
            config_options: Arc::new(ConfigOptions::default()),
        };
        let answer = function.invoke_with_args(args).expect("a unit and instants");
        answer.into_array(instants.len()).expect("an array")
    }

    #[test]
    fn answers_as_the_general_function_does() {
        // Every seventh hour of three years, one of them NULL; and other centuries.
        let far = [-8_520_336_000_000_000, 0, 7_289_654_399_999_999].map(Some);
        let values = (0..3_800)
            .map(|step| (step % 100 != 7).then_some(1_672_531_200_000_000 + step * 7 * HOUR - 1))
            .chain(far)
            .collect::<TimestampMicrosecondArray>();
        let (ours, general) = (date_trunc(), datetime::date_trunc());
        // In Havana clocks change at midnight.
        for zone in [
            None,
            Some("UTC"),
            Some("Europe/Prague"),
            Some("America/New_York"),
            Some("America/Havana"),
            Some("Australia/Lord_Howe"),
        ] {
            let instants: ArrayRef =
                Arc::new(values.clone().with_timezone_opt(zone.map(Arc::<str>::from)));
            for unit in ["hour", "day", "WEEK", "month", "quarter", "year"] {
                assert_eq!(
                    &call(&ours, unit, &instants),
                    &call(&general, unit, &instants),
                    "{unit} in {zone:?}"
                );
            }
        }
    }
}
