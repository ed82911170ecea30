package dev.tandem.core.io;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Recursive descent over one text; {@link Json} says what is accepted. */
final class JsonParser {
  /** Digits of a number; the longest exact double has 767 significant ones. */
  private static final int MAX_NUMBER = 1_000;

  private final String source;
  private final String text;
  private int at;
  private int values;

  JsonParser(String source, String text) {
    this.source = source;
    this.text = text;
  }

  @Nullable
  Object document() throws FileFormatException {
    Object value = value(0);
    if (at < text.length()) {
      throw problem("more text after the end of the value");
    }
    return value;
  }

  private FileFormatException problem(String what) {
    return new FileFormatException(source, "invalid JSON at character " + at + ": " + what);
  }

  /** The next character, or 0 at the end of the text; a 0 in the text is no valid token either. */
  private char peek() {
    return at < text.length() ? text.charAt(at) : 0;
  }

  private void space() {
    while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private void expect(char c) throws FileFormatException {
    if (peek() != c) {
      throw problem(at >= text.length() ? "the text ends where '" + c + "' should be" : "'" + c + "' expected");
    }
    at++;
  }

  private @Nullable Object value(int depth) throws FileFormatException {
    if (depth > Json.MAX_DEPTH) {
      throw problem("more than " + Json.MAX_DEPTH + " arrays and objects inside one another");
    }
    if (++values > Json.MAX_VALUES) {
      throw problem("more than " + Json.MAX_VALUES + " values");
    }
    space();
    Object value = switch (peek()) {
      case '{' -> object(depth);
      case '[' -> array(depth);
      case '"' -> string();
      case 't' -> word("true", true);
      case 'f' -> word("false", false);
      case 'n' -> word("null", null);
      case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' -> number();
      default -> throw problem(at >= text.length() ? "the text ends where a value should be" : "a value expected");
    };
    space();
    return value;
  }

  private @Nullable Object word(String word, @Nullable Object value) throws FileFormatException {
    if (!text.startsWith(word, at)) {
      throw problem("a value expected");
    }
    at += word.length();
    return value;
  }

  private Map<String, @Nullable Object> object(int depth) throws FileFormatException {
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    at++;
    space();
    if (peek() == '}') {
      at++;
      return object;
    }
    while (true) {
      space();
      int start = at;
      if (peek() != '"') {
        throw problem("a name in quotes expected");
      }
      String name = string();
      if (object.containsKey(name)) {
        at = start;
        throw problem("the name \"" + name + "\" for the second time in one object");
      }
      space();
      expect(':');
      object.put(name, value(depth + 1));
      if (peek() != ',') {
        expect('}');
        return object;
      }
      at++;
    }
  }

  private List<@Nullable Object> array(int depth) throws FileFormatException {
    List<@Nullable Object> array = new ArrayList<>();
    at++;
    space();
    if (peek() == ']') {
      at++;
      return array;
    }
    while (true) {
      array.add(value(depth + 1));
      if (peek() != ',') {
        expect(']');
        return array;
      }
      at++;
    }
  }

  private String string() throws FileFormatException {
    at++;
    StringBuilder unescaped = null;
    int from = at;
    while (true) {
      if (at >= text.length()) {
        throw problem("the text ends inside a string");
      }
      char c = text.charAt(at);
      if (c == '"') {
        String rest = text.substring(from, at++);
        return unescaped == null ? rest : unescaped.append(rest).toString();
      }
      if (c < 0x20) {
        throw problem("control character " + (int) c + " in a string; it must be escaped");
      }
      if (c == '\\') {
        unescaped = unescaped == null ? new StringBuilder() : unescaped;
        unescaped.append(text, from, at);
        escape(unescaped);
        from = at;
      } else if (Character.isSurrogate(c)) {
        surrogates(c, at + 1 < text.length() ? text.charAt(at + 1) : 0);
        at += 2;
      } else {
        at++;
      }
    }
  }

  private void surrogates(char high, char low) throws FileFormatException {
    if (!Character.isSurrogatePair(high, low)) {
      throw problem("unpaired surrogate in a string");
    }
  }

  private void escape(StringBuilder out) throws FileFormatException {
    at++;
    char c = peek();
    int simple = "\"\\/bfnrt".indexOf(c);
    if (c != 0 && simple >= 0) {
      out.append("\"\\/\b\f\n\r\t".charAt(simple));
      at++;
      return;
    }
    char unit = hex();
    out.append(unit);
    if (Character.isSurrogate(unit)) {
      if (peek() != '\\') {
        throw problem("unpaired surrogate in a string");
      }
      at++;
      char low = hex();
      surrogates(unit, low);
      out.append(low);
    }
  }

  private char hex() throws FileFormatException {
    if (peek() != 'u' || at + 5 > text.length()) {
      throw problem("an unknown escape in a string");
    }
    int unit = 0;
    for (int i = 1; i <= 4; i++) {
      char c = text.charAt(at + i);
      int digit = c < 128 ? Character.digit(c, 16) : -1;
      if (digit < 0) {
        throw problem("\\u must be followed by four hexadecimal digits");
      }
      unit = unit << 4 | digit;
    }
    at += 5;
    return (char) unit;
  }

  private Object number() throws FileFormatException {
    int from = at;
    if (peek() == '-') {
      at++;
    }
    boolean whole = true;
    if (peek() == '0') {
      at++;
    } else {
      digits();
    }
    if (peek() == '.') {
      whole = false;
      at++;
      digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      whole = false;
      at++;
      if (peek() == '+' || peek() == '-') {
        at++;
      }
      digits();
    }
    if (at - from > MAX_NUMBER) {
      throw problem("a number of more than " + MAX_NUMBER + " characters");
    }
    String number = text.substring(from, at);
    // The longest long has 19 digits and a sign; 18 digits always fit, the rest is decided by parsing.
    if (whole && number.length() <= 20) {
      try {
        return Long.parseLong(number);
      } catch (NumberFormatException e) {
        return Double.parseDouble(number);
      }
    }
    double value = Double.parseDouble(number);
    if (Double.isInfinite(value)) {
      throw problem("a number too large for a double");
    }
    return value;
  }

  private void digits() throws FileFormatException {
    int from = at;
    while (peek() >= '0' && peek() <= '9') {
      at++;
    }
    if (at == from) {
      throw problem("a digit expected");
    }
  }
}
