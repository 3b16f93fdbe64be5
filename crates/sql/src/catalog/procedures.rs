//! Types and functions of the exports by oid: names as `format_type` and `regproc` show them, and
//! what `pg_get_function_arguments` and its kin say of a function.

use super::PUBLIC_NAMESPACE;
use super::exports::{int4, text};
use crate::Result;
use datafusion::arrow::array::{
    Array, AsArray, BooleanArray, Int32Array, RecordBatch, StringArray,
};
use datafusion::error::DataFusionError;
use datafusion_pg_catalog::pg_catalog::PgCatalogStaticTables;
use std::collections::BTreeMap;

/// `sql` in `pg_language`.
const LANGUAGE_SQL: i32 = 14;

#[derive(Debug, Default)]
pub(crate) struct Exported {
    /// Every type as SQL writes it.
    pub(crate) types: BTreeMap<i64, String>,
    /// Every type as `pg_type.typname` has it.
    pub(crate) type_names: BTreeMap<i64, String>,
    pub(crate) functions: BTreeMap<i64, Procedure>,
}

#[derive(Debug)]
pub(crate) struct Procedure {
    pub(crate) name: String,
    /// With modes and names.
    pub(crate) arguments: String,
    /// The types of the arguments that tell one function from another.
    pub(crate) identity: String,
    pub(crate) result: String,
    pub(crate) namespace: i64,
    /// The text that would make it, for those that are written in SQL.
    pub(crate) definition: Option<String>,
}

impl Exported {
    pub(super) fn new(exports: &PgCatalogStaticTables, procedures: &[RecordBatch]) -> Result<Self> {
        let mut exported = Exported::default();
        for batch in exports.pg_type.data() {
            exported.add_types(batch)?;
        }
        for batch in procedures {
            exported.add_functions(batch)?;
        }
        Ok(exported)
    }

    fn add_types(&mut self, batch: &RecordBatch) -> Result<()> {
        let (oids, elements) = (numbers(batch, "oid")?, numbers(batch, "typelem")?);
        let (names, categories) = (texts(batch, "typname")?, texts(batch, "typcategory")?);
        for row in 0..batch.num_rows() {
            self.type_names.insert(i64::from(oids.value(row)), names.value(row).to_owned());
        }
        for row in 0..batch.num_rows() {
            let element = self.type_names.get(&i64::from(elements.value(row)));
            let shown = match (categories.value(row), element) {
                ("A", Some(element)) => format!("{}[]", sql_name(element)),
                _ => sql_name(names.value(row)).to_owned(),
            };
            self.types.insert(i64::from(oids.value(row)), shown);
        }
        Ok(())
    }

    fn type_text(&self, oid: i64) -> String {
        self.types.get(&oid).cloned().unwrap_or_else(|| "???".to_owned())
    }

    fn add_functions(&mut self, batch: &RecordBatch) -> Result<()> {
        let (oids, results) = (numbers(batch, "oid")?, numbers(batch, "prorettype")?);
        let (names, inputs) = (texts(batch, "proname")?, texts(batch, "proargtypes")?);
        let (namespaces, languages) = (numbers(batch, "pronamespace")?, numbers(batch, "prolang")?);
        let sources = texts(batch, "prosrc")?;
        let sets = column(batch, "proretset")?.as_boolean_opt().cloned();
        let sets = sets.unwrap_or_else(|| BooleanArray::new_null(batch.num_rows()));
        for row in 0..batch.num_rows() {
            let inputs: Vec<i64> =
                inputs.value(row).split(' ').filter_map(|oid| oid.parse().ok()).collect();
            let all = listed_numbers(batch, "proallargtypes", row)?;
            let modes = listed_texts(batch, "proargmodes", row)?;
            let argument_names = listed_texts(batch, "proargnames", row)?;
            let arguments = Arguments {
                types: if all.is_empty() { &inputs } else { &all },
                modes: &modes,
                names: &argument_names,
            };
            let set = if sets.is_valid(row) && sets.value(row) { "SETOF " } else { "" };
            let result = match arguments.table(self) {
                Some(columns) => columns,
                None => format!("{set}{}", self.type_text(i64::from(results.value(row)))),
            };
            let identity: Vec<String> = inputs.iter().map(|oid| self.type_text(*oid)).collect();
            let (name, arguments) = (names.value(row), arguments.text(self));
            let is_sql = languages.value(row) == LANGUAGE_SQL
                && i64::from(namespaces.value(row)) == i64::from(PUBLIC_NAMESPACE);
            let definition =
                is_sql.then(|| definition(name, &arguments, &result, sources.value(row)));
            let procedure = Procedure {
                name: name.to_owned(),
                namespace: i64::from(namespaces.value(row)),
                definition,
                arguments,
                identity: identity.join(", "),
                result,
            };
            self.functions.insert(i64::from(oids.value(row)), procedure);
        }
        Ok(())
    }
}

/// A function of SQL as `pg_get_functiondef` shows it.
fn definition(name: &str, arguments: &str, result: &str, source: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION public.{name}({arguments})\n RETURNS {result}\n LANGUAGE sql\n \
         STABLE PARALLEL SAFE\nAS $function$\n{source}$function$\n"
    )
}

/// A function's arguments; modes and names are empty where all are plain and none has a name.
struct Arguments<'a> {
    types: &'a [i64],
    modes: &'a [String],
    names: &'a [String],
}

impl Arguments<'_> {
    fn mode(&self, place: usize) -> &str {
        self.modes.get(place).map_or("i", String::as_str)
    }

    fn one(&self, place: usize, oid: i64, exported: &Exported) -> String {
        let mode = match self.mode(place) {
            "o" => "OUT ",
            "b" => "INOUT ",
            "v" => "VARIADIC ",
            _ => "",
        };
        let name = match self.names.get(place).map_or("", String::as_str) {
            "" => String::new(),
            name => format!("{name} "),
        };
        format!("{mode}{name}{}", exported.type_text(oid))
    }

    fn shown(&self, exported: &Exported, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let places = self.types.iter().enumerate();
        let wanted = places.filter(|(place, _)| wanted(self.mode(*place)));
        wanted.map(|(place, oid)| self.one(place, *oid, exported)).collect()
    }

    fn text(&self, exported: &Exported) -> String {
        self.shown(exported, |mode| mode != "t").join(", ")
    }

    /// `TABLE(…)`, if the function is declared so.
    fn table(&self, exported: &Exported) -> Option<String> {
        let columns = self.shown(exported, |mode| mode == "t");
        (!columns.is_empty()).then(|| format!("TABLE({})", columns.join(", ")))
    }
}

fn column<'a>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a datafusion::arrow::array::ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| {
        DataFusionError::Internal(format!("the exported catalogs lack {name}")).into()
    })
}

fn numbers(batch: &RecordBatch, name: &str) -> Result<Int32Array> {
    int4(column(batch, name)?)
}

fn texts(batch: &RecordBatch, name: &str) -> Result<StringArray> {
    text(column(batch, name)?)
}

fn listed_numbers(batch: &RecordBatch, name: &str, row: usize) -> Result<Vec<i64>> {
    let Some(lists) = column(batch, name)?.as_list_opt::<i32>() else { return Ok(Vec::new()) };
    if lists.is_null(row) {
        return Ok(Vec::new());
    }
    Ok(int4(&lists.value(row))?.iter().flatten().map(i64::from).collect())
}

fn listed_texts(batch: &RecordBatch, name: &str, row: usize) -> Result<Vec<String>> {
    let Some(lists) = column(batch, name)?.as_list_opt::<i32>() else { return Ok(Vec::new()) };
    if lists.is_null(row) {
        return Ok(Vec::new());
    }
    Ok(text(&lists.value(row))?.iter().flatten().map(str::to_owned).collect())
}

/// A type's name in SQL, by its name in `pg_type`.
fn sql_name(name: &str) -> &str {
    match name {
        "bool" => "boolean",
        "bpchar" => "character",
        "char" => "\"char\"",
        "any" => "\"any\"",
        "int2" => "smallint",
        "int4" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" => "double precision",
        "varchar" => "character varying",
        "varbit" => "bit varying",
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        "time" => "time without time zone",
        "timetz" => "time with time zone",
        other => other,
    }
}
