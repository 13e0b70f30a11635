//! The migrations of both databases: the same files, the same tables with the same columns, and nothing
//! that fails on a table with rows in it. Read as SQL; the store's suite compares the databases
//! themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sqlparser::ast::{AlterTableOperation, ColumnDef, ColumnOption, Statement};
use sqlparser::dialect::{Dialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;

fn folder(database: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database)
}

fn files(database: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder(database)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn statements(database: &str, file: &str) -> Vec<Statement> {
    let text = std::fs::read_to_string(folder(database).join(file)).unwrap();
    parsed(database, &text)
}

fn parsed(database: &str, text: &str) -> Vec<Statement> {
    let dialect: Box<dyn Dialect> =
        if database == "sqlite" { Box::new(SQLiteDialect {}) } else { Box::new(PostgreSqlDialect {}) };
    // STRICT is younger than the parser's SQLite.
    let text = text.replace(") STRICT;", ");");
    Parser::parse_sql(dialect.as_ref(), &text).unwrap_or_else(|error| panic!("{database}: {error}"))
}

/// Tables with their columns after all migrations of a database.
fn schema(database: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files(database) {
        for statement in statements(database, &file) {
            match statement {
                Statement::CreateTable(table) => {
                    let columns = table.columns.iter().map(|column| column.name.value.clone()).collect();
                    assert!(tables.insert(table.name.to_string(), columns).is_none(), "{} twice", table.name);
                }
                Statement::AlterTable(alter) => {
                    let columns = tables.get_mut(&alter.name.to_string()).unwrap();
                    for operation in alter.operations {
                        if let AlterTableOperation::AddColumn { column_def, .. } = operation {
                            columns.insert(column_def.name.value);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    tables
}

/// Columns that cannot be added to a table with rows: NOT NULL without a default.
fn impossible_columns(statements: &[Statement]) -> Vec<String> {
    let has = |column: &ColumnDef, wanted: fn(&ColumnOption) -> bool| {
        column.options.iter().any(|option| wanted(&option.option))
    };
    let mut wrong = Vec::new();
    for statement in statements {
        let Statement::AlterTable(alter) = statement else { continue };
        for operation in &alter.operations {
            let AlterTableOperation::AddColumn { column_def, .. } = operation else { continue };
            let not_null = has(column_def, |option| matches!(option, ColumnOption::NotNull));
            let default = has(column_def, |option| matches!(option, ColumnOption::Default(_)));
            if not_null && !default {
                wrong.push(format!("{}.{}", alter.name, column_def.name));
            }
        }
    }
    wrong
}

#[test]
fn both_databases_have_the_same_files() {
    let sqlite = files("sqlite");
    assert_eq!(sqlite, files("postgres"));
    for (position, file) in sqlite.iter().enumerate() {
        assert!(file.starts_with(&format!("{:04}_", position + 1)), "{file}: numbers leave no hole");
    }
}

#[test]
fn both_databases_have_the_same_tables_and_columns() {
    let sqlite = schema("sqlite");
    assert!(sqlite.contains_key("hit") && sqlite["hit"].contains("open_severity"));
    assert_eq!(sqlite, schema("postgres"));
}

#[test]
fn each_file_does_the_same_on_both_databases() {
    let shape = |database: &str, file: &str| {
        statements(database, file)
            .iter()
            .map(|statement| match statement {
                Statement::CreateTable(table) => format!("table {}", table.name),
                Statement::CreateIndex(index) => index.to_string(),
                Statement::AlterTable(alter) => format!("alter {}", alter.name),
                other => other.to_string(),
            })
            .collect::<Vec<_>>()
    };
    for file in files("sqlite") {
        assert_eq!(shape("sqlite", &file), shape("postgres", &file), "{file}");
    }
}

#[test]
fn no_column_is_added_that_rows_could_not_have() {
    for database in ["sqlite", "postgres"] {
        for file in files(database) {
            let wrong = impossible_columns(&statements(database, &file));
            assert!(wrong.is_empty(), "{database}/{file}: NOT NULL without DEFAULT: {wrong:?}");
        }
    }
}

#[test]
fn the_check_of_added_columns_knows_good_from_bad() {
    let check = |sql: &str| impossible_columns(&parsed("sqlite", sql));
    assert_eq!(check("ALTER TABLE hit ADD COLUMN x TEXT NOT NULL;"), ["hit.x"]);
    assert!(check("ALTER TABLE hit ADD COLUMN x TEXT NOT NULL DEFAULT '';").is_empty());
    assert!(check("ALTER TABLE hit ADD COLUMN x TEXT;").is_empty());
}

#[test]
fn sqlite_never_hands_a_number_out_twice_and_checks_its_types() {
    for file in files("sqlite") {
        let text = std::fs::read_to_string(folder("sqlite").join(&file)).unwrap();
        assert!(!text.contains("BIGINT"), "{file}: a BIGINT key yields NULL ids");
        for line in text.lines().filter(|line| line.contains("INTEGER PRIMARY KEY")) {
            assert!(line.contains("AUTOINCREMENT"), "{file}: {line}");
        }
        let tables = text.matches("CREATE TABLE").count();
        assert_eq!(text.matches(") STRICT;").count(), tables, "{file}: every table is STRICT");
    }
}
