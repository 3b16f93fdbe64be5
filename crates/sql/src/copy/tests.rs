//! COPY's syntax and its reader, with the data cut at every byte.

use super::command::{CopyCommand, CopyFormat, Header};
use super::record::{Record, RecordReader};
use crate::statement::{Body, parse};
use crate::{Fault, Result};

fn command(text: &str) -> Result<CopyCommand> {
    match parse(text)?.remove(0).body {
        Body::Copy(command) => Ok(command.as_ref().clone()),
        Body::Unsupported(error) => Err(error),
        other => panic!("{text} was read as {other:?}"),
    }
}

type Row = Vec<Option<String>>;

/// Rows as a test writes them down.
type Fields<'a> = &'a [&'a [Option<&'a str>]];

fn read(options: &str, pieces: &[&[u8]]) -> Result<Vec<Row>> {
    let command = command(&format!("COPY t FROM STDIN {options}"))?;
    let mut reader = RecordReader::new(&command.options);
    let mut record = Record::default();
    let mut rows = Vec::new();
    let row = |record: &Record| -> Row {
        (0..record.len())
            .map(|at| (!record.is_null(at)).then(|| record.text(at).to_owned()))
            .collect()
    };
    for piece in pieces {
        reader.push(piece);
        while reader.next(&mut record)? {
            rows.push(row(&record));
        }
    }
    if reader.finish(&mut record)? {
        rows.push(row(&record));
    }
    Ok(rows)
}

fn rows(expected: Fields<'_>) -> Vec<Row> {
    expected.iter().map(|row| row.iter().map(|field| field.map(str::to_owned)).collect()).collect()
}

/// Reads `data` whole, cut in two at every byte, and byte by byte.
fn read_in_every_cut(options: &str, data: &str, expected: Fields<'_>) {
    let data = data.as_bytes();
    let expected = rows(expected);
    for cut in 0..=data.len() {
        let (head, tail) = data.split_at(cut);
        assert_eq!(read(options, &[head, tail]).unwrap(), expected, "{options} cut at {cut}");
    }
    let bytes: Vec<&[u8]> = data.chunks(1).collect();
    assert_eq!(read(options, &bytes).unwrap(), expected, "{options} byte by byte");
}

#[test]
fn csv_tells_null_from_empty_at_every_cut() {
    let cases: [(&str, &str, Fields<'_>); 9] = [
        ("CSV", "a,b\nc,d\n", &[&[Some("a"), Some("b")], &[Some("c"), Some("d")]]),
        ("CSV", "a,\n\"\",b", &[&[Some("a"), None], &[Some(""), Some("b")]]),
        (
            "CSV",
            "\"a,b\",\"c\nd\"\r\ne,f\r\n",
            &[&[Some("a,b"), Some("c\nd")], &[Some("e"), Some("f")]],
        ),
        ("CSV", "\"say \"\"hi\"\"\",x\n", &[&[Some("say \"hi\""), Some("x")]]),
        ("CSV", "a\"b,c\"d\n", &[&[Some("ab,cd")]]),
        ("CSV ESCAPE '\\'", "\"a\\\"b\\\\\",\"c\\d\"\n", &[&[Some("a\"b\\"), Some("c\\d")]]),
        (
            "(FORMAT csv, NULL 'nil', DELIMITER ';')",
            "nil;\"nil\";\n",
            &[&[None, Some("nil"), Some("")]],
        ),
        ("CSV", "é,ü\n\\.\nrest", &[&[Some("é"), Some("ü")]]),
        ("CSV QUOTE ''''", "'a''b',\"\n", &[&[Some("a'b"), Some("\"")]]),
    ];
    for (options, data, expected) in cases {
        read_in_every_cut(options, data, expected);
    }
}

#[test]
fn text_format_reads_its_escapes_at_every_cut() {
    let cases: [(&str, &str, Fields<'_>); 6] = [
        ("", "a\tb\n\\N\t\n", &[&[Some("a"), Some("b")], &[None, Some("")]]),
        ("", "a\\tb\\n\\\\c\\x41\\102\n", &[&[Some("a\tb\n\\cAB")]]),
        ("", "a\\\nb\tc\r\n", &[&[Some("a\nb"), Some("c")]]),
        ("", "\\\\N\n", &[&[Some("\\N")]]),
        ("", "a\n\\.\nrest\n", &[&[Some("a")]]),
        ("DELIMITER '|' NULL ''", "a||\\|\n", &[&[Some("a"), None, Some("|")]]),
    ];
    for (options, data, expected) in cases {
        read_in_every_cut(options, data, expected);
    }
}

#[test]
fn damaged_data_names_its_line() {
    let cases: [(&str, &[u8], Fault, &str); 5] = [
        ("CSV", b"a\n\"b", Fault::BadCopyFileFormat, "line 2"),
        ("CSV", b"\"a\nb\"\nc\rd\n", Fault::BadCopyFileFormat, "line 3"),
        ("", b"a\rb\n", Fault::BadCopyFileFormat, "line 1"),
        ("CSV", b"a\nb\xff\n", Fault::UntranslatableCharacter, "line 2"),
        // Two escapes that would make one character out of two fields.
        ("", b"\\303\t\\251\n", Fault::UntranslatableCharacter, "line 1"),
    ];
    for (options, data, fault, place) in cases {
        let error = read(options, &[data]).unwrap_err();
        assert_eq!(*error.fault(), fault, "{data:?}");
        assert_eq!(error.context(), Some(place), "{data:?}");
    }
}

#[test]
fn both_syntaxes_are_read() {
    let cases = [
        ("COPY t FROM STDIN", CopyFormat::Text, Header::None, b'\t', "\\N"),
        ("COPY t FROM STDIN WITH CSV HEADER", CopyFormat::Csv, Header::Skip, b',', ""),
        ("copy t from stdin csv header delimiter as ';'", CopyFormat::Csv, Header::Skip, b';', ""),
        ("COPY t FROM STDIN (FORMAT 'csv')", CopyFormat::Csv, Header::None, b',', ""),
        (
            "COPY t FROM STDIN WITH (FORMAT csv, HEADER match, NULL '-')",
            CopyFormat::Csv,
            Header::Match,
            b',',
            "-",
        ),
        ("COPY t FROM STDIN WITH (HEADER false)", CopyFormat::Text, Header::None, b'\t', "\\N"),
        (
            "COPY t FROM STDIN WITH DELIMITER E'|' NULL 'x'",
            CopyFormat::Text,
            Header::None,
            b'|',
            "x",
        ),
    ];
    for (text, format, header, delimiter, null) in cases {
        let options = command(text).unwrap().options;
        assert_eq!(
            (options.format, options.header, options.delimiter, options.null.as_str()),
            (format, header, delimiter, null),
            "{text}"
        );
    }
    let named = command("COPY public.t (a, \"B\") FROM STDIN").unwrap();
    assert_eq!(named.table, ["public", "t"]);
    assert_eq!(named.columns, ["a", "B"]);
}

#[test]
fn what_cannot_be_copied_says_so() {
    let cases = [
        ("COPY t TO STDOUT", Fault::FeatureNotSupported),
        ("COPY (SELECT 1) TO STDOUT", Fault::FeatureNotSupported),
        ("COPY t FROM '/etc/passwd'", Fault::FeatureNotSupported),
        ("COPY t FROM PROGRAM 'ls'", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (FORMAT binary)", Fault::FeatureNotSupported),
        ("COPY BINARY t FROM STDIN", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (FORMAT csv, ENCODING 'latin1')", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (FORMAT csv) WHERE a = 1", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (FORMAT xml)", Fault::InvalidParameterValue),
        ("COPY t FROM STDIN (DELIMITER 'ab')", Fault::InvalidParameterValue),
        ("COPY t FROM STDIN (DELIMITER 'n')", Fault::InvalidParameterValue),
        ("COPY t FROM STDIN (FORMAT csv, QUOTE ',')", Fault::InvalidParameterValue),
        ("COPY t FROM STDIN (nonsense 1)", Fault::SyntaxError),
        ("COPY t FROM STDIN (FORMAT csv, FORMAT csv)", Fault::SyntaxError),
        ("COPY t FROM", Fault::SyntaxError),
        ("COPY t FROM STDIN extra", Fault::SyntaxError),
    ];
    for (text, fault) in cases {
        assert_eq!(*command(text).unwrap_err().fault(), fault, "{text}");
    }
}
