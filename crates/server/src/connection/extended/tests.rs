//! What a client may write into a Parse and a Bind beside the values.

use super::*;

#[test]
fn parameter_types_are_known_open_or_refused() {
    assert_eq!(parameter_type(0).unwrap(), None);
    assert_eq!(parameter_type(705).unwrap(), None);
    assert_eq!(parameter_type(20).unwrap(), Some(PgType::Int8));
    assert_eq!(parameter_type(1042).unwrap(), Some(PgType::Text));
    assert_eq!(parameter_type(1015).unwrap(), Some(PgType::TextArray));
    assert_eq!(parameter_type(600).unwrap_err().state().as_str(), "0A000");
}

#[test]
fn formats_come_for_none_for_all_or_for_each() {
    assert_eq!(parameter_formats(&[], 2).unwrap().of(1), Format::Text);
    assert_eq!(parameter_formats(&[1], 2).unwrap().of(1), Format::Binary);
    assert_eq!(parameter_formats(&[0, 1], 2).unwrap().of(1), Format::Binary);
    assert_eq!(parameter_formats(&[0, 1], 3).unwrap_err().state().as_str(), "08P01");
    assert_eq!(parameter_formats(&[2], 1).unwrap_err().state().as_str(), "22023");

    assert_eq!(result_formats(&[1], 2).unwrap(), [Format::Binary, Format::Binary]);
    assert_eq!(result_formats(&[0, 1], 2).unwrap(), [Format::Text, Format::Binary]);
    assert!(result_formats(&[], 2).unwrap().is_empty());
    assert!(result_formats(&[1], 0).unwrap().is_empty());
    assert_eq!(result_formats(&[0, 1], 3).unwrap_err().state().as_str(), "08P01");
    assert_eq!(result_formats(&[-1], 1).unwrap_err().state().as_str(), "22023");
}
