package dev.tandem.examples;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.NamedCsvRecord;
import dev.tandem.core.io.FileFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Reads CSV files with a line of column names; what is wrong in one is told with its line. */
final class Table {
  private Table() {
  }

  static List<NamedCsvRecord> rows(Session session, String file) throws IOException {
    var rows = new ArrayList<NamedCsvRecord>();
    try (InputStream in = session.open(file);
        CsvReader<NamedCsvRecord> csv =
            CsvReader.builder().ofNamedCsvRecord(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      csv.forEach(rows::add);
    } catch (CsvParseException e) {
      throw new FileFormatException(file, String.valueOf(e.getMessage()), e);
    }
    return rows;
  }

  /** The text in {@code column}, counted from 0. */
  static String text(String file, NamedCsvRecord row, int column) throws IOException {
    if (column >= row.getFieldCount()) {
      throw mistake(file, row, "has no column " + (column + 1));
    }
    return row.getField(column);
  }

  /** The number in {@code column}, counted from 0; it is finite as a float. */
  static double number(String file, NamedCsvRecord row, int column) throws IOException {
    if (column < row.getFieldCount()) {
      try {
        double v = Double.parseDouble(row.getField(column));
        if (Float.isFinite((float) v)) {
          return v;
        }
      } catch (NumberFormatException e) {
        // Told below, as for NaN and infinity.
      }
    }
    throw mistake(file, row, "has no number in column " + (column + 1));
  }

  static FileFormatException mistake(String file, NamedCsvRecord row, String what) {
    return new FileFormatException(file, "line " + row.getStartingLineNumber() + " " + what);
  }
}
