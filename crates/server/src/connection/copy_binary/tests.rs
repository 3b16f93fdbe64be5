//! The binary format, whole and cut at every byte, and every way in which it is malformed.

use super::*;

const COLUMNS: [BinaryColumn; 2] = [
    BinaryColumn { name: "a", pg_type: PgType::Text },
    BinaryColumn { name: "b", pg_type: PgType::Int4 },
];

fn header(flags: u32, extension: i32) -> Vec<u8> {
    [&SIGNATURE[..], &flags.to_be_bytes(), &extension.to_be_bytes()].concat()
}

fn tuple(fields: &[Option<&[u8]>]) -> Vec<u8> {
    let mut bytes = (fields.len() as i16).to_be_bytes().to_vec();
    for field in fields {
        bytes.extend(field.map_or(-1, |field| field.len() as i32).to_be_bytes());
        bytes.extend(field.unwrap_or_default());
    }
    bytes
}

fn read(pieces: &[&[u8]]) -> Result<Vec<Vec<Value>>, Report> {
    let mut reader = TupleReader::new("t", COLUMNS.to_vec());
    let mut values = Vec::new();
    let mut rows = Vec::new();
    for piece in pieces {
        reader.push(piece);
        while reader.next(&mut values)?.is_some() {
            rows.push(values.clone());
        }
    }
    reader.end().map(|()| rows)
}

const TRAILER_BYTES: &[u8] = &[0xff, 0xff];

fn whole() -> Vec<u8> {
    [
        header(5, 3),
        b"ext".to_vec(),
        tuple(&[Some("é".as_bytes()), Some(&[0, 0, 0, 7])]),
        tuple(&[Some(b""), None]),
        TRAILER_BYTES.to_vec(),
    ]
    .concat()
}

#[test]
fn tuples_are_read_at_every_cut() {
    let data = whole();
    let expected = [
        vec![Value::Text("é".to_owned()), Value::Int(7)],
        vec![Value::Text(String::new()), Value::Null],
    ];
    for cut in 0..=data.len() {
        let (head, tail) = data.split_at(cut);
        assert_eq!(read(&[head, tail]).unwrap(), expected, "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = data.chunks(1).collect();
    assert_eq!(read(&bytes).unwrap(), expected);
    let without_trailer = &data[..data.len() - 2];
    assert_eq!(read(&[without_trailer]).unwrap(), expected);
}

#[test]
fn an_end_inside_of_anything_is_refused() {
    let data = whole();
    let tuple_ends = [22, 22 + 2 + 4 + 2 + 4 + 4, data.len() - 2, data.len()];
    for length in 0..data.len() {
        let refused = read(&[&data[..length]]);
        assert_eq!(refused.is_ok(), tuple_ends.contains(&length), "{length} of {}", data.len());
        if let Err(report) = refused {
            assert_eq!(report.state(), SqlState::BAD_COPY_FILE_FORMAT, "{length}");
        }
    }
}

#[test]
fn what_is_malformed_is_refused_as_postgres_does() {
    let with_header = |bytes: &[u8]| [&header(0, 0), bytes].concat();
    let good = tuple(&[Some(b"a"), None]);
    let cases: [(Vec<u8>, &str); 14] = [
        (Vec::new(), "COPY file signature not recognized"),
        (b"not a signature".to_vec(), "COPY file signature not recognized"),
        (SIGNATURE.to_vec(), "invalid COPY file header (missing flags)"),
        (header(0, 0)[..17].to_vec(), "invalid COPY file header (missing length)"),
        (header(0, -1), "invalid COPY file header (missing length)"),
        (header(0, 9), "invalid COPY file header (wrong length)"),
        (header(1 << 16, 0), "invalid COPY file header (WITH OIDS)"),
        (header(1 << 17, 0), "unrecognized critical flags in COPY file header"),
        (with_header(&tuple(&[None])), "row field count is 1, expected 2"),
        (with_header(&[0xff, 0xfe]), "row field count is -2, expected 2"),
        (with_header(&[0, 2, 0xff, 0xff, 0xff, 0xfe]), "invalid field size"),
        (with_header(&[0, 2, 0x7f, 0xff, 0xff, 0xff, 1]), "invalid field size"),
        (with_header(&[0, 2, 0, 0, 0, 9, 1]), "unexpected EOF in COPY data"),
        (
            with_header(&[&good[..], TRAILER_BYTES, b"x"].concat()),
            "received copy data after EOF marker",
        ),
    ];
    for (bytes, message) in cases {
        let report = read(&[&bytes]).unwrap_err();
        let expected = format!("22P04: {message}");
        assert_eq!(report.to_string(), expected, "{bytes:?}");
    }
}

#[test]
fn a_value_that_is_none_names_its_place() {
    let good = tuple(&[Some(b"a"), None]);
    let cases: [(Vec<u8>, &str, &str); 3] = [
        (tuple(&[Some(b"\xff"), None]), "22021", "COPY t, line 2, column a"),
        (tuple(&[None, Some(b"\0\0\0\x01x")]), "22P03", "COPY t, line 2, column b"),
        (tuple(&[None, Some(b"\0")]), "08P01", "COPY t, line 2, column b"),
    ];
    for (bad, state, context) in cases {
        let report = read(&[&header(0, 0), &good, &bad]).unwrap_err();
        assert_eq!((report.state().as_str(), report.context()), (state, Some(context)));
    }
}
