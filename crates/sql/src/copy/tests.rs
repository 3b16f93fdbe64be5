//! COPY's syntax and its reader, with the data cut at every byte.

use super::command::{CopyCommand, CopyFormat};
use super::options::Header;
use super::record::RecordReader;
use crate::statement::{Body, parse};
use crate::{Error, Fault, Result};

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
    read_to_line(options, pieces).map_err(|(error, _)| error)
}

/// An error comes with the line of the record that it is in.
fn read_to_line(options: &str, pieces: &[&[u8]]) -> Result<Vec<Row>, (Error, u64)> {
    let command = command(&format!("COPY t FROM STDIN {options}")).map_err(|error| (error, 0))?;
    let mut reader = RecordReader::new(&command.options);
    let mut rows = Vec::new();
    let mut read_all = |reader: &mut RecordReader| loop {
        match reader.next() {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return Err((error, reader.line())),
        }
        let fields = 0..reader.len();
        rows.push(
            fields.map(|at| (!reader.is_null(at)).then(|| reader.text(at).to_owned())).collect(),
        );
    };
    for piece in pieces {
        reader.push(piece);
        read_all(&mut reader)?;
    }
    reader.complete();
    read_all(&mut reader)?;
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
fn csv_is_read_as_postgres_reads_it_at_every_cut() {
    let cases: [(&str, &str, Fields<'_>); 17] = [
        ("CSV", "a,b\nc,d\n", &[&[Some("a"), Some("b")], &[Some("c"), Some("d")]]),
        ("CSV", "a,\n\"\",b", &[&[Some("a"), None], &[Some(""), Some("b")]]),
        (
            "CSV",
            "\"a,b\",\"c\nd\"\r\ne,f\r\n",
            &[&[Some("a,b"), Some("c\nd")], &[Some("e"), Some("f")]],
        ),
        ("CSV", "a,\"b\r\nc\"\rd,e\r", &[&[Some("a"), Some("b\r\nc")], &[Some("d"), Some("e")]]),
        ("CSV", "\"say \"\"hi\"\"\",x\n", &[&[Some("say \"hi\""), Some("x")]]),
        ("CSV", "a\"b,c\"d\n", &[&[Some("ab,cd")]]),
        ("CSV", "\"a\"b,\"\"\"\"\n", &[&[Some("ab"), Some("\"")]]),
        ("CSV", "\"a\"\"b\"c\"d\"\n", &[&[Some("a\"bcd")]]),
        ("CSV ESCAPE '\\'", "\"a\\\"b\\\\\",\"c\\d\"\n", &[&[Some("a\"b\\"), Some("c\\d")]]),
        (
            "(FORMAT csv, NULL 'nil', DELIMITER ';')",
            "nil;\"nil\";\n",
            &[&[None, Some("nil"), Some("")]],
        ),
        ("CSV", "é,ü\n\\.\nrest", &[&[Some("é"), Some("ü")]]),
        ("CSV", "a\r\n\\.\r\nrest", &[&[Some("a")]]),
        ("CSV", "\\.x,\"\n\\.\n\"\n\\.", &[&[Some("\\.x"), Some("\n\\.\n")], &[Some("\\.")]]),
        ("CSV QUOTE ''''", "'a''b',\"\n", &[&[Some("a'b"), Some("\"")]]),
        ("CSV DELIMITER '\\'", "a\\b\n", &[&[Some("a"), Some("b")]]),
        ("CSV", "\n\n", &[&[None], &[None]]),
        ("CSV", "", &[]),
    ];
    for (options, data, expected) in cases {
        read_in_every_cut(options, data, expected);
    }
}

#[test]
fn text_format_reads_its_escapes_at_every_cut() {
    let cases: [(&str, &str, Fields<'_>); 11] = [
        ("", "a\tb\n\\N\t\n", &[&[Some("a"), Some("b")], &[None, Some("")]]),
        ("", "a\\tb\\n\\\\c\\x41\\102\n", &[&[Some("a\tb\n\\cAB")]]),
        ("", "a\\\nb\tc\n", &[&[Some("a\nb"), Some("c")]]),
        ("", "a\tb\r\nc\td\r\n", &[&[Some("a"), Some("b")], &[Some("c"), Some("d")]]),
        ("", "a\rb\r", &[&[Some("a")], &[Some("b")]]),
        ("", "\\\\N\n", &[&[Some("\\N")]]),
        ("", "a\n\\.\nrest\n", &[&[Some("a")]]),
        ("", "a\tb\\.\nrest\n", &[&[Some("a"), Some("b")]]),
        ("DELIMITER '|' NULL ''", "a||\\|\n", &[&[Some("a"), None, Some("|")]]),
        ("", "\\303\\251é\tü\\", &[&[Some("éé"), Some("ü")]]),
        ("", "\\xq\\8\\b\n", &[&[Some("xq8\u{8}")]]),
    ];
    for (options, data, expected) in cases {
        read_in_every_cut(options, data, expected);
    }
}

#[test]
fn damaged_data_names_its_line() {
    let bad = Fault::BadCopyFileFormat;
    let not_text = Fault::CharacterNotInRepertoire;
    let cases: [(&str, &[u8], &Fault, &str, u64); 19] = [
        ("CSV", b"a\n\"b", &bad, "unterminated CSV quoted field", 2),
        ("CSV", b"\"a\nb\"\nc\rd\n", &bad, "unquoted carriage return found in data", 3),
        ("CSV", b"a\nb\r\n", &bad, "unquoted carriage return found in data", 2),
        ("CSV", b"a\r\nb\n", &bad, "unquoted newline found in data", 2),
        ("CSV", b"a\rb\n", &bad, "unquoted newline found in data", 2),
        ("", b"a\nb\rc\n", &bad, "literal carriage return found in data", 2),
        ("", b"a\r\nb\n", &bad, "literal newline found in data", 2),
        ("", b"a\r\nb\rc\r\n", &bad, "literal carriage return found in data", 2),
        ("", b"a\n\\.x\n", &bad, "end-of-copy marker corrupt", 2),
        ("", b"a\n\\.", &bad, "end-of-copy marker corrupt", 2),
        ("", b"a\r\n\\.\n", &bad, "end-of-copy marker does not match previous newline style", 2),
        ("CSV", b"a\nb\xff\n", &not_text, "invalid byte sequence for encoding \"UTF8\": 0xff", 2),
        (
            "",
            b"a\nb\xc3\x28\xa1",
            &not_text,
            "invalid byte sequence for encoding \"UTF8\": 0xc3 0x28",
            2,
        ),
        (
            "",
            b"a\nb\xe2\x82",
            &not_text,
            "invalid byte sequence for encoding \"UTF8\": 0xe2 0x82",
            2,
        ),
        ("", b"a\nb\0c\n", &not_text, "invalid byte sequence for encoding \"UTF8\": 0x00", 2),
        ("", b"a\nb\xc3\0c\n", &not_text, "invalid byte sequence for encoding \"UTF8\": 0xc3", 2),
        ("", b"a\n\\000\n", &not_text, "invalid byte sequence for encoding \"UTF8\": 0x00", 2),
        ("", b"\\xff\n", &not_text, "invalid byte sequence for encoding \"UTF8\": 0xff", 1),
        // Two escapes that would make one character out of two fields.
        ("", b"\\303\t\\251\n", &not_text, "invalid byte sequence for encoding \"UTF8\": 0xc3", 1),
    ];
    for (options, data, fault, message, line) in cases {
        let bytes: Vec<&[u8]> = data.chunks(1).collect();
        for pieces in [&[data][..], &bytes] {
            let (error, place) = read_to_line(options, pieces).unwrap_err();
            assert_eq!((error.fault(), error.message(), place), (fault, message, line), "{data:?}");
        }
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
        ("COPY BINARY t FROM STDIN", CopyFormat::Binary, Header::None, b'\t', "\\N"),
        ("COPY t FROM STDIN (FORMAT binary)", CopyFormat::Binary, Header::None, b'\t', "\\N"),
        ("COPY t FROM STDIN BINARY", CopyFormat::Binary, Header::None, b'\t', "\\N"),
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
    for (text, rows) in [
        ("COPY t FROM STDIN", None),
        ("COPY t FROM STDIN (commit_every 10000)", Some(10_000)),
        ("COPY t FROM STDIN (FORMAT csv, commit_every '5')", Some(5)),
    ] {
        assert_eq!(command(text).unwrap().options.commit_every, rows, "{text}");
    }
}

#[test]
fn what_cannot_be_copied_says_so() {
    let cases = [
        ("COPY t TO '/tmp/t'", Fault::FeatureNotSupported),
        ("COPY t TO PROGRAM 'cat'", Fault::FeatureNotSupported),
        ("COPY t TO STDOUT (commit_every 5)", Fault::FeatureNotSupported),
        ("COPY t FROM '/etc/passwd'", Fault::FeatureNotSupported),
        ("COPY t FROM PROGRAM 'ls'", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (FORMAT csv, ENCODING 'latin1')", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (FORMAT csv) WHERE a = 1", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (FORMAT xml)", Fault::InvalidParameterValue),
        ("COPY t FROM STDIN (DEFAULT 'x')", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (DELIMITER 'ab')", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (DELIMITER E'\\n')", Fault::InvalidParameterValue),
        ("COPY t FROM STDIN (QUOTE 'x')", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (ESCAPE 'x')", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (FORCE_NULL (a))", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (FORMAT csv, FORCE_NULL *)", Fault::InvalidParameterValue),
        ("COPY t FROM STDIN (FORMAT csv, NULL E'\\n')", Fault::InvalidParameterValue),
        ("COPY t FROM STDIN (FORMAT csv, NULL ',')", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (FORMAT csv, NULL '\"')", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (FORMAT binary, DELIMITER ',')", Fault::SyntaxError),
        ("COPY t FROM STDIN (FORMAT binary, HEADER)", Fault::FeatureNotSupported),
        ("COPY t FROM STDIN (HEADER 2)", Fault::SyntaxError),
        ("COPY t FROM STDIN (commit_every 0)", Fault::InvalidParameterValue),
        ("COPY t FROM STDIN (commit_every -1)", Fault::SyntaxError),
        ("COPY t FROM STDIN (commit_every 'x')", Fault::InvalidParameterValue),
        ("COPY t FROM STDIN (commit_every)", Fault::SyntaxError),
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
