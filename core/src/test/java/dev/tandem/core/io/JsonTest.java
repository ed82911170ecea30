package dev.tandem.core.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void aTextBecomesMapsListsAndValuesInItsOrder() throws IOException {
    Object value = Json.parse("it", " {\"z\" : [1, -0, 2.5, 1e3, true, false, null, {}], \"a\":\"x\", \"\":[ ]}\n");
    Map<String, Object> expected = new LinkedHashMap<>();
    expected.put("z", Arrays.asList(1L, 0L, 2.5, 1000.0, true, false, null, Map.of()));
    expected.put("a", "x");
    expected.put("", List.of());
    assertThat(value).isEqualTo(expected);
    assertThat(((Map<?, ?>) value).keySet().toArray()).containsExactly("z", "a", "");
  }

  @Test
  void escapesAreUndone() throws IOException {
    assertThat(Json.parse("it", "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u20AC\\ud83d\\ude00z\""))
        .isEqualTo("a\"\\/\b\f\n\r\tä€😀z");
    assertThat(Json.parse("it", "\"ä€😀\"")).isEqualTo("ä€😀");
  }

  @Test
  void numbersThatFitALongAreExactAndOthersAreDoubles() throws IOException {
    assertThat(Json.parse("it", "9223372036854775807")).isEqualTo(Long.MAX_VALUE);
    assertThat(Json.parse("it", "-9223372036854775808")).isEqualTo(Long.MIN_VALUE);
    assertThat(Json.parse("it", "9223372036854775808")).isEqualTo(0x1p63);
    assertThat(Json.parse("it", "123456789012345678901234567890")).isEqualTo(1.2345678901234568e29);
    assertThat(Json.parse("it", "-1.5E-2")).isEqualTo(-0.015);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
      "``               | 0 | the text ends where a value should be",
      "{                | 1 | a name in quotes expected",
      "[1,]             | 3 | a value expected",
      "[1 2]            | 3 | ']' expected",
      "{\"a\" 1}        | 5 | ':' expected",
      "{\"a\":1,}       | 7 | a name in quotes expected",
      "{a:1}            | 1 | a name in quotes expected",
      "{\"a\":1         | 6 | the text ends where '}' should be",
      "{\"a\":1,\"a\":2}| 7 | the name \"a\" for the second time in one object",
      "{\"a\":1,\"\\u0061\":2}| 7 | the name \"a\" for the second time in one object",
      "{} {}            | 3 | more text after the end of the value",
      "'a'              | 0 | a value expected",
      "tru              | 0 | a value expected",
      "nul              | 0 | a value expected",
      "NaN              | 0 | a value expected",
      "+1               | 0 | a value expected",
      "01               | 1 | more text after the end of the value",
      ".5               | 0 | a value expected",
      "1.               | 2 | a digit expected",
      "-                | 1 | a digit expected",
      "1e               | 2 | a digit expected",
      "1e999            | 5 | a number too large for a double",
      "\"a              | 2 | the text ends inside a string",
      "\"\\x\"          | 2 | an unknown escape in a string",
      "\"\\             | 2 | an unknown escape in a string",
      "\"\\u12          | 2 | an unknown escape in a string",
      "\"\\u12g4\"      | 2 | \\u must be followed by four hexadecimal digits",
      "\"\\ud800\"      | 7 | unpaired surrogate in a string",
      "\"\\ud800\\u0041\"| 13 | unpaired surrogate in a string",
      "\"\\udc00\\ud800\"| 13 | unpaired surrogate in a string",
      "/* no */ 1       | 0 | a value expected"})
  void whatIsNoJsonIsRefusedWithItsPlace(String text, int at, String problem) {
    assertThatThrownBy(() -> Json.parse("it", text)).isInstanceOf(FileFormatException.class)
        .hasMessage("it: invalid JSON at character " + at + ": " + problem);
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"\n\"", "\"\u0000\"", "\"\u001f\""})
  void controlCharactersMustBeEscaped(String text) {
    assertThatThrownBy(() -> Json.parse("it", text))
        .hasMessageContaining("control character " + (int) text.charAt(1) + " in a string");
  }

  @Test
  void rawUnpairedSurrogatesAreRefused() {
    assertThatThrownBy(() -> Json.parse("it", "\"\uD800\"")).hasMessageContaining("unpaired surrogate");
    assertThatThrownBy(() -> Json.parse("it", "\"a\uDC00")).hasMessageContaining("unpaired surrogate");
  }

  @Test
  void depthIsLimited() throws IOException {
    assertThat(Json.parse("it", "[".repeat(64) + "]".repeat(64))).isInstanceOf(List.class);
    assertThatThrownBy(() -> Json.parse("it", "[".repeat(66) + "]".repeat(66)))
        .hasMessageContaining("more than 64 arrays and objects");
    assertThatThrownBy(() -> Json.parse("it", "{\"a\":".repeat(1_000_000)))
        .hasMessageContaining("more than 64 arrays and objects");
  }

  @Test
  void theNumberOfValuesAndTheLengthOfNumbersAreLimited() {
    assertThatThrownBy(() -> Json.parse("it", "[" + "[],".repeat(4_000_000) + "0]"))
        .hasMessageContaining("more than 4000000 values");
    assertThatThrownBy(() -> Json.parse("it", "1".repeat(1_001)))
        .hasMessageContaining("a number of more than 1000 characters");
  }

  @Test
  void whatIsWrittenIsOneLineOfJson() {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("epoch", 1);
    line.put("train_loss", 0.25f);
    line.put("seconds", 1e-5);
    line.put("bad", Double.NaN);
    line.put("worse", Float.NEGATIVE_INFINITY);
    line.put("nothing", null);
    line.put("device", "cpu \"a\\b\"\n\u0001ä😀");
    line.put("list", List.of(1L, true, Map.of(), List.of()));
    assertThat(Json.write(line))
        .isEqualTo("{\"epoch\":1,\"train_loss\":0.25,\"seconds\":1.0E-5,\"bad\":null,\"worse\":null,\"nothing\":null,"
            + "\"device\":\"cpu \\\"a\\\\b\\\"\\n\\u0001ä😀\",\"list\":[1,true,{},[]]}");
  }

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    StringBuilder all = new StringBuilder();
    for (char c = 0; c < 0xD800; c++) {
      all.append(c);
    }
    Map<String, Object> object =
        Map.of(all.toString(), List.of(all.toString(), 1.5, Long.MIN_VALUE, false, Map.of("a", Map.of())));
    assertThat(Json.parse("it", Json.write(object))).isEqualTo(object);
  }

  @Test
  void whatJsonCannotSayIsNotWritten() {
    assertThatThrownBy(() -> Json.write(Map.of("a", new int[0]))).isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("JSON has no place for a [I");
    assertThatThrownBy(() -> Json.write(Map.of("a", "x\uD800")))
        .hasMessage("unpaired surrogate at character 1 of a string for JSON");
    List<Object> itself = new ArrayList<>();
    itself.add(itself);
    assertThatThrownBy(() -> Json.write(Collections.singletonMap("a", itself)))
        .hasMessageContaining("more than 64 JSON arrays");
  }
}
