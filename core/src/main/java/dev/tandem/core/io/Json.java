package dev.tandem.core.io;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * JSON texts (RFC 8259), strictly: no duplicate names, no comments, no trailing commas, no NaN, no unpaired surrogates.
 * Values are {@code Map<String, Object>} in the order of the text, {@code List<Object>}, {@link String},
 * {@link Boolean}, null, {@link Long} for numbers without fraction and exponent that fit one, and {@link Double} for
 * other numbers.
 */
public final class Json {
  /** Arrays and objects inside one another that {@link #parse} accepts. */
  static final int MAX_DEPTH = 64;

  /** Values in one text that {@link #parse} accepts, which bounds the memory a hostile text can take. */
  static final int MAX_VALUES = 4_000_000;

  private Json() {}

  /**
   * The value of a whole text.
   *
   * @param source what messages call the text: a file name, mostly
   * @throws FileFormatException if the text is not JSON, nested deeper than 64, of more than 4 million values, or has a
   *         number too large for a double
   */
  public static @Nullable Object parse(String source, String text) throws FileFormatException {
    return new JsonParser(source, text).document();
  }

  /**
   * One line, without spaces.
   *
   * @param object of values as above, or any other {@link Number} of the JDK. A float or double that is NaN or infinite
   *        becomes null, as JSON cannot say it
   * @throws IllegalArgumentException if a value is of another class, or a string has an unpaired surrogate
   */
  public static String write(Map<String, ?> object) {
    StringBuilder out = new StringBuilder();
    write(object, out, 0);
    return out.toString();
  }

  private static void write(@Nullable Object value, StringBuilder out, int depth) {
    if (depth > MAX_DEPTH) {
      throw new IllegalArgumentException("more than " + MAX_DEPTH + " JSON arrays and objects inside one another");
    }
    switch (value) {
      case null -> out.append("null");
      case Map<?, ?> object -> {
        char separator = '{';
        for (Map.Entry<?, ?> entry : object.entrySet()) {
          out.append(separator);
          separator = ',';
          string(String.valueOf(entry.getKey()), out);
          out.append(':');
          write(entry.getValue(), out, depth + 1);
        }
        out.append(object.isEmpty() ? "{}" : "}");
      }
      case List<?> array -> {
        char separator = '[';
        for (Object element : array) {
          out.append(separator);
          separator = ',';
          write(element, out, depth + 1);
        }
        out.append(array.isEmpty() ? "[]" : "]");
      }
      case String text -> string(text, out);
      case Boolean truth -> out.append(truth);
      case Double number when !Double.isFinite(number) -> out.append("null");
      case Float number when !Float.isFinite(number) -> out.append("null");
      case Number number -> out.append(number);
      default ->
          throw new IllegalArgumentException("JSON has no place for a " + value.getClass().getName() + ": " + value);
    }
  }

  private static void string(String text, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"', '\\' -> out.append('\\').append(c);
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> {
          if (c < 0x20) {
            out.append("\\u00").append(Character.forDigit(c >> 4, 16)).append(Character.forDigit(c & 15, 16));
          } else
            if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
              out.append(c).append(text.charAt(++i));
            } else if (Character.isSurrogate(c)) {
              throw new IllegalArgumentException("unpaired surrogate at character " + i + " of a string for JSON");
            } else {
              out.append(c);
            }
        }
      }
    }
    out.append('"');
  }
}
