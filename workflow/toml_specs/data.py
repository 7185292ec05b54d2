"""The data of a TOML spec: a file beside it, as a data frame with the declared types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import one_line
from .table import Table, closest

if TYPE_CHECKING:
    import pandas as pd

_OPTIONS = ("file", "categorical", "dtypes")


def read_data(table: Table) -> pd.DataFrame:
    """Read the data file of a spec: CSV, Parquet or NetCDF, beside the TOML file.

    Raises
    ------
    SpecError
        If it is not there, has another format, or lacks a column that is declared.
    """
    if isinstance(table.values.get("data"), dict):
        options = table.table("data")
        options.only(_OPTIONS, "data")
        name = options.need("file", "text", "data", 'file = "houses.csv"')
        at: tuple[str, ...] = ("data", "file")
    else:
        options = Table(table.file, {})
        name = table.need("data", "text", "the spec", 'data = "houses.csv"')
        at = ("data",)
    file = Path(table.file.path).parent / name
    if not file.is_file():
        raise table.error(
            f"there is no data file {name}",
            *at,
            expected=f"a file beside {Path(table.file.path).name}, or a path from there",
            do="check the path: it starts at the folder of the TOML file",
        )
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        ".csv": _csv,
        ".parquet": _parquet,
        ".nc": _netcdf,
    }
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise table.error(
            f"{name} is no data file that can be read",
            *at,
            expected=f"a file that ends in {', '.join(readers)}",
        )
    try:
        data = reader(file)
    except ImportError as error:
        raise table.error(
            f"{name} needs a package that is not installed: {one_line(error)}",
            *at,
            do="pip install pyarrow, or save the data as CSV",
        ) from error
    except Exception as error:
        raise table.error(f"{name} cannot be read: {one_line(error)}", *at) from error
    return _typed(data, options)


def _csv(file: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(file, skipinitialspace=True)


def _parquet(file: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(file)


def _netcdf(file: Path) -> pd.DataFrame:
    import xarray as xr

    from ..runs.store import ENGINE

    with xr.open_dataset(file, engine=ENGINE) as dataset:
        return dataset.to_dataframe().reset_index()


def _typed(data: pd.DataFrame, options: Table) -> pd.DataFrame:
    """Give columns the types that are declared."""
    columns = [str(c) for c in data.columns]
    dtypes = options.table("dtypes")
    declared = {column: dtypes.get(column, "text") for column in dtypes}
    for i, column in enumerate(options.list_of("categorical", "text")):
        _column(options, column, columns, "categorical", i)
        declared.setdefault(column, "category")
    for column, dtype in declared.items():
        if column in dtypes:
            _column(dtypes, column, columns, column)
        try:
            data = data.astype({column: dtype})
        except (TypeError, ValueError) as error:
            raise dtypes.error(
                f"column {column} cannot be read as {dtype}: {one_line(error)}",
                column,
                expected='a type of pandas, such as "int64", "float64", "str" or "category"',
            ) from error
    return data


def _column(table: Table, column: str, columns: list[str], *at: str | int) -> None:
    if column not in columns:
        raise table.error(
            f"the data have no column {column}",
            *at,
            expected=f"one of {', '.join(columns)}",
            do=closest(column, columns),
        )
