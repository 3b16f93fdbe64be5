//! The Postgres types that tallybook speaks, by oid.

/// A Postgres type of a parameter or a result column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PgType {
    Bool,
    Bytea,
    /// `"char"`, the one-byte type of the catalogs.
    Char,
    Name,
    Int8,
    Int2,
    Int4,
    Text,
    Oid,
    Json,
    Float4,
    Float8,
    Unknown,
    Varchar,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Interval,
    Numeric,
    Uuid,
    Jsonb,
    Void,
    BoolArray,
    Int2Array,
    Int4Array,
    Int8Array,
    TextArray,
    OidArray,
    Float8Array,
    NumericArray,
    UuidArray,
    JsonbArray,
    TimestampTzArray,
    TimestampArray,
    DateArray,
    TimeArray,
    IntervalArray,
    Float4Array,
    VarcharArray,
    ByteaArray,
    /// Small integers in a catalog such as `pg_index.indkey`; its subscripts begin with 0.
    Int2Vector,
    OidVector,
}

impl PgType {
    /// Type, oid, size in bytes (-1: variable), name as `pg_type.typname` has it.
    const TABLE: [(PgType, u32, i16, &'static str); 43] = [
        (PgType::Bool, 16, 1, "bool"),
        (PgType::Bytea, 17, -1, "bytea"),
        (PgType::Char, 18, 1, "char"),
        (PgType::Name, 19, 64, "name"),
        (PgType::Int8, 20, 8, "int8"),
        (PgType::Int2, 21, 2, "int2"),
        (PgType::Int4, 23, 4, "int4"),
        (PgType::Text, 25, -1, "text"),
        (PgType::Oid, 26, 4, "oid"),
        (PgType::Json, 114, -1, "json"),
        (PgType::Float4, 700, 4, "float4"),
        (PgType::Float8, 701, 8, "float8"),
        (PgType::Unknown, 705, -2, "unknown"),
        (PgType::Varchar, 1043, -1, "varchar"),
        (PgType::Date, 1082, 4, "date"),
        (PgType::Time, 1083, 8, "time"),
        (PgType::Timestamp, 1114, 8, "timestamp"),
        (PgType::TimestampTz, 1184, 8, "timestamptz"),
        (PgType::Interval, 1186, 16, "interval"),
        (PgType::Numeric, 1700, -1, "numeric"),
        (PgType::Uuid, 2950, 16, "uuid"),
        (PgType::Jsonb, 3802, -1, "jsonb"),
        (PgType::Void, 2278, 4, "void"),
        (PgType::BoolArray, 1000, -1, "_bool"),
        (PgType::Int2Array, 1005, -1, "_int2"),
        (PgType::Int4Array, 1007, -1, "_int4"),
        (PgType::Int8Array, 1016, -1, "_int8"),
        (PgType::TextArray, 1009, -1, "_text"),
        (PgType::OidArray, 1028, -1, "_oid"),
        (PgType::Float8Array, 1022, -1, "_float8"),
        (PgType::NumericArray, 1231, -1, "_numeric"),
        (PgType::UuidArray, 2951, -1, "_uuid"),
        (PgType::JsonbArray, 3807, -1, "_jsonb"),
        (PgType::TimestampTzArray, 1185, -1, "_timestamptz"),
        (PgType::TimestampArray, 1115, -1, "_timestamp"),
        (PgType::DateArray, 1182, -1, "_date"),
        (PgType::TimeArray, 1183, -1, "_time"),
        (PgType::IntervalArray, 1187, -1, "_interval"),
        (PgType::Float4Array, 1021, -1, "_float4"),
        (PgType::VarcharArray, 1015, -1, "_varchar"),
        (PgType::ByteaArray, 1001, -1, "_bytea"),
        (PgType::Int2Vector, 22, -1, "int2vector"),
        (PgType::OidVector, 30, -1, "oidvector"),
    ];

    fn row(self) -> &'static (PgType, u32, i16, &'static str) {
        Self::TABLE.iter().find(|row| row.0 == self).expect("every type has a row")
    }

    pub fn oid(self) -> u32 {
        self.row().1
    }

    pub fn from_oid(oid: u32) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.1 == oid).map(|row| row.0)
    }

    /// Bytes of a value, -1 where it varies.
    pub fn size(self) -> i16 {
        self.row().2
    }

    pub fn name(self) -> &'static str {
        self.row().3
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.3 == name).map(|row| row.0)
    }

    /// The type of an array's elements.
    pub fn element(self) -> Option<Self> {
        match self {
            PgType::Int2Vector => Some(PgType::Int2),
            PgType::OidVector => Some(PgType::Oid),
            _ => Self::from_name(self.name().strip_prefix('_')?),
        }
    }

    /// The array type over this one.
    pub fn array(self) -> Option<Self> {
        Self::from_name(&format!("_{}", self.name()))
    }
}

/// The typmod of `numeric(38,0)`: precision, scale 0, and Postgres' offset of 4. Every money column
/// has it, so that consumers see a bound.
pub const MONEY_TYPMOD: i32 = (38 << 16) + 4;
