//! `date_trunc`: DataFusion's own, except for periods of days and longer, for intervals, and in a
//! zone that is named.
//!
//! DataFusion goes through the calendar for every value. Neighbours in a column mostly lie in the
//! same month, so here a period is found once and kept until a value lies outside of it.

use super::interval::{parts, with_parts};
use super::own;
use super::typed::{Body, Datum, Kind, overload, zoned};
use crate::timestamp::{instant_of_local, local_of_instant, named_zone};
use crate::{Error, Fault, PgType};
use chrono::{DateTime, Datelike, Days, LocalResult, Months, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{
    DataType, FieldRef, IntervalMonthDayNano, TimeUnit, TimestampMicrosecondType,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions::datetime;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use std::ops::Range;
use std::sync::Arc;

pub(super) fn date_trunc() -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::from(DateTrunc { any: datetime::date_trunc(), far: far(), signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    /// Any unit up to a year, any instant.
    any: Arc<ScalarUDF>,
    /// Decades and longer, intervals, zones.
    far: Arc<ScalarUDF>,
    signature: Signature,
}

/// `date_trunc` row by row.
fn far() -> Arc<ScalarUDF> {
    use Kind::{Interval, Text, Timestamp, TimestampTz};
    let in_zone: Body = |row| instant(row.text(0), row.micros(1), row.zone);
    Arc::new(zoned(
        "date_trunc",
        &[
            overload(&[Text, TimestampTz], PgType::TimestampTz, in_zone),
            overload(&[Text, Timestamp], PgType::Timestamp, |row| {
                Ok(Some(Datum::Timestamp(local(
                    row.text(0),
                    row.micros(1),
                    "timestamp without time zone",
                )?)))
            }),
            overload(&[Text, Interval], PgType::Interval, |row| {
                Ok(Some(Datum::Interval(interval(row.text(0), row.interval(1))?)))
            }),
            overload(&[Text, TimestampTz, Text], PgType::TimestampTz, |row| {
                let zone = named_zone(row.text(2)).ok_or_else(|| {
                    let message = format!("time zone \"{}\" not recognized", row.text(2));
                    own(Error::new(Fault::InvalidParameterValue, message))
                })?;
                instant(row.text(0), row.micros(1), zone)
            }),
        ],
    ))
}

fn instant(unit: &str, micros: i64, zone: Tz) -> Result<Option<Datum<'static>>> {
    let at = local_of_instant(micros, zone).map_err(own)?;
    let truncated = local(unit, at, "timestamp with time zone")?;
    Ok(Some(Datum::Timestamp(instant_of_local(truncated, zone).map_err(own)?)))
}

fn unknown(unit: &str, type_name: &str) -> DataFusionError {
    let message = format!("unit \"{unit}\" not recognized for type {type_name}");
    own(Error::new(Fault::InvalidParameterValue, message))
}

/// Microseconds of units that the clock has.
fn clock_unit(unit: &str) -> Option<i64> {
    Some(match unit {
        "microsecond" | "microseconds" => 1,
        "millisecond" | "milliseconds" => 1_000,
        "second" | "seconds" => 1_000_000,
        "minute" | "minutes" => 60_000_000,
        "hour" | "hours" => 3_600_000_000,
        _ => return None,
    })
}

/// Years of units that are longer than one.
fn years(unit: &str) -> Option<i32> {
    Some(match unit {
        "year" | "years" => 1,
        "decade" | "decades" => 10,
        "century" | "centuries" => 100,
        "millennium" | "millennia" => 1_000,
        _ => return None,
    })
}

/// Local time at the beginning of its unit.
fn local(unit: &str, micros: i64, type_name: &str) -> Result<i64> {
    let unit = unit.to_ascii_lowercase();
    if let Some(length) = clock_unit(&unit) {
        return Ok(micros.div_euclid(length) * length);
    }
    let date = DateTime::from_timestamp_micros(micros).map(|at| at.date_naive());
    let date = date.ok_or_else(|| own(Error::unsupported("a timestamp beyond the calendar")))?;
    let first = match years(&unit) {
        Some(length) => {
            // Centuries begin with the year 1, decades with 0.
            let begins = i32::from(length >= 100);
            NaiveDate::from_ymd_opt(
                (date.year() - begins).div_euclid(length) * length + begins,
                1,
                1,
            )
        }
        None => {
            let period = Period::named(unit.strip_suffix('s').unwrap_or(&unit));
            period.ok_or_else(|| unknown(&unit, type_name))?.first_day(date)
        }
    };
    let first = first.ok_or_else(|| own(Error::unsupported("a timestamp beyond the calendar")))?;
    Ok(first.and_time(NaiveTime::MIN).and_utc().timestamp_micros())
}

/// An interval without what is smaller than its unit.
fn interval(unit: &str, interval: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    let unit = unit.to_ascii_lowercase();
    let (months, days, micros) = parts(interval);
    let months = i64::from(months);
    if let Some(length) = clock_unit(&unit) {
        return with_parts(months, days.into(), micros / length * length);
    }
    if let Some(length) = years(&unit) {
        let length = i64::from(length) * 12;
        return with_parts(months / length * length, 0, 0);
    }
    match unit.as_str() {
        "day" | "days" => with_parts(months, days.into(), 0),
        "month" | "months" => with_parts(months, 0, 0),
        "quarter" => with_parts(months / 3 * 3, 0, 0),
        "week" | "weeks" => {
            Err(own(Error::unsupported("unit \"week\" not supported for type interval")
                .with_detail("Months usually have fractional weeks.")))
        }
        _ => Err(unknown(&unit, "interval")),
    }
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        self.any.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.far.coerce_types(types)
    }

    fn aliases(&self) -> &[String] {
        self.any.aliases()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.any.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.far.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let target = args.return_field.data_type().clone();
        let truncated = match in_periods(&args.args) {
            Some(truncated) => ColumnarValue::Array(truncated),
            None if plain(&args.args) => self.any.invoke_with_args(args)?,
            None => return self.far.invoke_with_args(args),
        };
        // The zone in which it was counted is no part of an instant.
        truncated.cast_to(&target, None)
    }
}

/// Whether DataFusion's function means the same.
fn plain(args: &[ColumnarValue]) -> bool {
    const UNITS: [&str; 8] =
        ["second", "minute", "hour", "day", "week", "month", "quarter", "year"];
    let [ColumnarValue::Scalar(unit), instants] = args else { return false };
    let named = unit.try_as_str().flatten();
    named.is_some_and(|unit| UNITS.contains(&unit.to_ascii_lowercase().as_str()))
        && matches!(instants.data_type(), DataType::Timestamp(..))
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

    fn first_day(self, date: NaiveDate) -> Option<NaiveDate> {
        match self {
            Period::Day => Some(date),
            Period::Week => {
                date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into()))
            }
            Period::Months(months) => {
                let month = date.month0() / months * months;
                NaiveDate::from_ymd_opt(date.year(), month + 1, 1)
            }
        }
    }

    /// The instants of the period that holds this one. `None` where the zone's clock repeats or
    /// skips one of its ends, or the calendar does.
    fn around(self, instant: i64, zone: Tz) -> Option<Range<i64>> {
        let date = DateTime::from_timestamp_micros(instant)?.with_timezone(&zone).date_naive();
        let first = self.first_day(date)?;
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
