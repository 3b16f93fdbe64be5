//! Tables of values: how each type looks in both forms, and what is refused on the way in.

use super::*;
use sql::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array,
    Int64Array, ListArray, StringArray, StringViewArray, TimestampMicrosecondArray,
    TimestampNanosecondArray, UInt64Array,
};
use sql::arrow::datatypes::Int64Type;
use sql::{Numeric, Value};
use std::sync::Arc;

const STYLE: Style =
    Style { zone: Tz::UTC, interval: IntervalStyle::Postgres, extra_float_digits: 1 };

/// What Postgres sends for infinity.
const INFINITE_MICROS: [u8; 8] = i64::MAX.to_be_bytes();
const INFINITE_DAYS: [u8; 4] = i32::MAX.to_be_bytes();

fn column(pg_type: PgType) -> Column {
    Column { name: "c".to_owned(), pg_type, typmod: -1, table_oid: 0, attribute_number: 0 }
}

fn row(array: &ArrayRef, pg_type: PgType, format: Format) -> Result<Vec<u8>, Unencodable> {
    let batch = RecordBatch::try_from_iter([("c", Arc::clone(array))]).unwrap();
    let writer = RowWriter::new(&[column(pg_type)], &[format], STYLE);
    let mut out = BytesMut::new();
    writer.write_row(&mut out, &writer.read(&batch)?, 0)?;
    // Kind, length, number of columns, length of the value.
    Ok(out[11..].to_vec())
}

fn text(array: ArrayRef, pg_type: PgType) -> String {
    String::from_utf8(row(&array, pg_type, Format::Text).unwrap()).unwrap()
}

fn lists(values: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some(values)]))
}

#[test]
fn every_type_has_its_text() {
    let micros = 1_783_245_600_000_001; // 2026-07-05 10:00:00.000001 UTC
    let id = "0198c0de-0000-7000-8000-000000000001";
    let cases: Vec<(ArrayRef, PgType, &str)> = vec![
        (Arc::new(BooleanArray::from(vec![true])), PgType::Bool, "t"),
        (Arc::new(BooleanArray::from(vec![false])), PgType::Bool, "f"),
        (Arc::new(Int32Array::from(vec![-7])), PgType::Int4, "-7"),
        (Arc::new(Int64Array::from(vec![i64::MIN])), PgType::Int8, "-9223372036854775808"),
        (Arc::new(UInt64Array::from(vec![u64::MAX])), PgType::Numeric, "18446744073709551615"),
        (Arc::new(Float64Array::from(vec![0.1])), PgType::Float8, "0.1"),
        (Arc::new(StringArray::from(vec!["naïve"])), PgType::Text, "naïve"),
        (Arc::new(StringViewArray::from(vec!["view"])), PgType::Name, "view"),
        (Arc::new(StringArray::from(vec![id])), PgType::Uuid, id),
        (Arc::new(StringArray::from(vec!["{\"a\":1}"])), PgType::Jsonb, "{\"a\":1}"),
        (Arc::new(BinaryArray::from(vec![&[0u8, 0xab][..]])), PgType::Bytea, "\\x00ab"),
        (Arc::new(Date32Array::from(vec![20_513])), PgType::Date, "2026-03-01"),
        (
            Arc::new(TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC")),
            PgType::TimestampTz,
            "2026-07-05 10:00:00.000001+00",
        ),
        (
            Arc::new(TimestampMicrosecondArray::from(vec![micros])),
            PgType::Timestamp,
            "2026-07-05 10:00:00.000001",
        ),
        (
            Arc::new(TimestampNanosecondArray::from(vec![-1]).with_timezone("UTC")),
            PgType::TimestampTz,
            "1969-12-31 23:59:59.999999+00",
        ),
        (lists(vec![Some(1), None, Some(3)]), PgType::Int8Array, "{1,NULL,3}"),
        (lists(vec![]), PgType::Int8Array, "{}"),
    ];
    for (array, pg_type, expected) in cases {
        assert_eq!(text(array, pg_type), expected);
    }
}

#[test]
fn texts_in_arrays_are_quoted_where_they_must_be() {
    let values = ["plain", "", "NULL", "a b", "a,b", "{}", "say \"hi\"", "back\\slash"];
    let list = ListArray::new(
        Arc::new(sql::arrow::datatypes::Field::new_list_field(
            sql::arrow::datatypes::DataType::Utf8,
            true,
        )),
        sql::arrow::buffer::OffsetBuffer::from_lengths([values.len()]),
        Arc::new(StringArray::from(values.to_vec())),
        None,
    );
    assert_eq!(
        text(Arc::new(list), PgType::TextArray),
        r#"{plain,"","NULL","a b","a,b","{}","say \"hi\"","back\\slash"}"#
    );
}

#[test]
fn money_is_exact_to_the_last_digit() {
    let max = 10i128.pow(38) - 1;
    for value in [max, -max, 0, 1, -1] {
        let amounts = Decimal128Array::from(vec![value]).with_precision_and_scale(38, 0).unwrap();
        let amounts: ArrayRef = Arc::new(amounts);
        assert_eq!(text(Arc::clone(&amounts), PgType::Numeric), value.to_string());
        let binary = row(&amounts, PgType::Numeric, Format::Binary).unwrap();
        let back = decode_parameter(Some(&binary), PgType::Numeric, Format::Binary, 1).unwrap();
        assert_eq!(back, Value::Numeric(Numeric::integer(value)));
    }
}

#[test]
fn every_type_has_its_binary_form() {
    let id = "0198c0de-0000-7000-8000-000000000001";
    let cases: Vec<(ArrayRef, PgType, Vec<u8>)> = vec![
        (Arc::new(BooleanArray::from(vec![true])), PgType::Bool, vec![1]),
        (Arc::new(Int64Array::from(vec![-2])), PgType::Int2, vec![0xff, 0xfe]),
        (Arc::new(Int32Array::from(vec![7])), PgType::Int4, vec![0, 0, 0, 7]),
        (Arc::new(Int32Array::from(vec![7])), PgType::Int8, vec![0, 0, 0, 0, 0, 0, 0, 7]),
        (Arc::new(Int64Array::from(vec![4_000_000_000])), PgType::Oid, vec![0xee, 0x6b, 0x28, 0]),
        (Arc::new(Float64Array::from(vec![1.0])), PgType::Float8, 1f64.to_be_bytes().to_vec()),
        (Arc::new(StringArray::from(vec!["ab"])), PgType::Text, b"ab".to_vec()),
        (Arc::new(StringArray::from(vec!["{}"])), PgType::Jsonb, b"\x01{}".to_vec()),
        (Arc::new(StringArray::from(vec!["{}"])), PgType::Json, b"{}".to_vec()),
        (
            Arc::new(StringArray::from(vec![id])),
            PgType::Uuid,
            uuid::Uuid::try_parse(id).unwrap().as_bytes().to_vec(),
        ),
        (Arc::new(Date32Array::from(vec![10_958])), PgType::Date, vec![0, 0, 0, 1]),
        (
            Arc::new(TimestampMicrosecondArray::from(vec![946_684_800_000_002])),
            PgType::TimestampTz,
            2i64.to_be_bytes().to_vec(),
        ),
        (
            lists(vec![Some(5), None]),
            PgType::Int8Array,
            [
                &[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 2, 0, 0, 0, 1][..],
                &[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff],
            ]
            .concat(),
        ),
        (lists(vec![]), PgType::Int8Array, vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20]),
    ];
    for (array, pg_type, expected) in cases {
        assert_eq!(row(&array, pg_type, Format::Binary).unwrap(), expected, "{pg_type:?}");
    }
}

#[test]
fn a_value_that_does_not_fit_its_type_is_never_cut() {
    let large: ArrayRef = Arc::new(Int64Array::from(vec![70_000]));
    assert!(row(&large, PgType::Int2, Format::Binary).is_err());
    let text: ArrayRef = Arc::new(StringArray::from(vec!["no uuid"]));
    assert!(row(&text, PgType::Uuid, Format::Binary).is_err());
}

#[test]
fn nulls_have_no_bytes() {
    let nulls: ArrayRef = Arc::new(Int64Array::from(vec![None::<i64>]));
    let batch = RecordBatch::try_from_iter_with_nullable([("c", nulls, true)]).unwrap();
    let writer = RowWriter::new(&[column(PgType::Int8)], &[], STYLE);
    let mut out = BytesMut::new();
    writer.write_row(&mut out, &writer.read(&batch).unwrap(), 0).unwrap();
    assert_eq!(&out[..], b"D\0\0\0\x0a\0\x01\xff\xff\xff\xff");
}

#[test]
fn parameters_are_read_from_text() {
    let cases: Vec<(PgType, &str, Value)> = vec![
        (PgType::Bool, " TRUE", Value::Bool(true)),
        (PgType::Bool, "n", Value::Bool(false)),
        (PgType::Bool, "off", Value::Bool(false)),
        (PgType::Int2, "-32768", Value::Int(-32_768)),
        (PgType::Int8, " 9223372036854775807 ", Value::Int(i64::MAX)),
        (PgType::Oid, "4294967295", Value::Int(4_294_967_295)),
        (PgType::Float8, "1e3", Value::Float(1000.0)),
        (PgType::Numeric, "-1.50", Value::Numeric(Numeric { unscaled: -150, scale: 2 })),
        (PgType::Text, "naïve", Value::Text("naïve".to_owned())),
        (PgType::Jsonb, "{}", Value::Json("{}".to_owned())),
        (PgType::Uuid, "00000000-0000-0000-0000-000000000000", Value::Uuid(uuid::Uuid::nil())),
        (PgType::Date, "2026-03-01", Value::Date(20_513)),
        (PgType::Bytea, "\\x00aB", Value::Bytes(vec![0, 0xab])),
        (PgType::Bytea, "a\\\\\\001", Value::Bytes(vec![b'a', b'\\', 1])),
        (PgType::TimestampTz, "2026-03-01", Value::Text("2026-03-01".to_owned())),
        (
            PgType::Int4Array,
            "{1, NULL ,3}",
            Value::Array(vec![Value::Int(1), Value::Null, Value::Int(3)]),
        ),
        (
            PgType::TextArray,
            r#"{a b,"c,\"d",null,"null"}"#,
            Value::Array(vec![
                Value::Text("a b".to_owned()),
                Value::Text("c,\"d".to_owned()),
                Value::Null,
                Value::Text("null".to_owned()),
            ]),
        ),
        (PgType::TextArray, "{}", Value::Array(vec![])),
    ];
    for (pg_type, text, expected) in cases {
        let value = decode_parameter(Some(text.as_bytes()), pg_type, Format::Text, 1);
        assert_eq!(value.unwrap(), expected, "{pg_type:?} {text}");
    }
    assert_eq!(decode_parameter(None, PgType::Int4, Format::Text, 1).unwrap(), Value::Null);
}

#[test]
fn a_binary_local_time_stays_without_a_zone() {
    let bytes = 1_500_000i64.to_be_bytes();
    let read = |pg_type| decode_parameter(Some(&bytes), pg_type, Format::Binary, 1).unwrap();
    let local = Value::Text("2000-01-01 00:00:01.500000".to_owned());
    assert_eq!(read(PgType::Timestamp), local);
    assert_eq!(read(PgType::TimestampTz), Value::TimestampTz(946_684_801_500_000));
}

#[test]
fn malformed_parameters_are_refused_by_their_own_code() {
    let cases: Vec<(PgType, Format, &[u8], &str)> = vec![
        (PgType::Bool, Format::Text, b"maybe", "22P02"),
        (PgType::Bool, Format::Text, b"o", "22P02"),
        (PgType::Int4, Format::Text, b"1.5", "22P02"),
        (PgType::Int4, Format::Text, b"", "22P02"),
        (PgType::Int2, Format::Text, b"32768", "22003"),
        (PgType::Int8, Format::Text, b"99999999999999999999", "22003"),
        (PgType::Float8, Format::Text, b"1e999", "22003"),
        (PgType::Float4, Format::Text, b"1e39", "22003"),
        (PgType::Uuid, Format::Text, b"xyz", "22P02"),
        (PgType::Date, Format::Text, b"01/02/2026", "22007"),
        (PgType::Bytea, Format::Text, b"\\x0", "22P02"),
        (PgType::Bytea, Format::Text, b"\\9", "22P02"),
        (PgType::Text, Format::Text, b"\xff", "22021"),
        (PgType::Text, Format::Binary, b"a\0b", "22021"),
        (PgType::Int4Array, Format::Text, b"{1,2", "22P02"),
        (PgType::Int4Array, Format::Text, b"{1,,2}", "22P02"),
        (PgType::Int4Array, Format::Text, b"{{1},{2}}", "0A000"),
        (PgType::Int4Array, Format::Text, b"{x}", "22P02"),
        (PgType::TextArray, Format::Text, b"{\"a\"b}", "22P02"),
        (PgType::Int4, Format::Binary, &[0, 0, 1], "08P01"),
        (PgType::Int4, Format::Binary, &[0, 0, 0, 0, 1], "22P03"),
        (PgType::Uuid, Format::Binary, &[0; 15], "08P01"),
        (PgType::Jsonb, Format::Binary, b"\x02{}", "22P03"),
        (PgType::TimestampTz, Format::Binary, &INFINITE_MICROS, "22008"),
        (PgType::Date, Format::Binary, &INFINITE_DAYS, "22008"),
        (PgType::Int4Array, Format::Binary, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23], "08P01"),
        (
            PgType::Int4Array,
            Format::Binary,
            &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1],
            "08P01",
        ),
        (PgType::Int4Array, Format::Binary, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25], "42804"),
        (PgType::Int4Array, Format::Binary, &[0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 23], "0A000"),
    ];
    for (pg_type, format, bytes, state) in cases {
        let refused = decode_parameter(Some(bytes), pg_type, format, 1);
        let refused = refused.expect_err(&format!("{pg_type:?} {bytes:?}"));
        assert_eq!(refused.state().as_str(), state, "{pg_type:?} {bytes:?}");
    }
}
