package dev.tandem.core.io;

import static dev.tandem.core.io.Allocation.assertRefused;
import static dev.tandem.core.io.SafetensorsTest.file;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.shape.HostArray;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsMalformedTest {
  @TempDir private Path folder;

  private Path write(byte... bytes) throws IOException {
    return Files.write(folder.resolve("file"), bytes);
  }

  /** The header is followed by 8 bytes of data, which are 0, 1, … 7. */
  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
      "[]  | the header of a safetensors file begins with '{', this one does not",
      "` {}` | the header of a safetensors file begins with '{', this one does not",
      "`` | the header of a safetensors file begins with '{', this one does not",
      "{  | invalid JSON at character 1: a name in quotes expected",
      "{} | the tensors have 0 bytes, but 8 bytes follow the header",
      "{\"a\":{T}} | invalid JSON at character 6: a name in quotes expected",
      "{\"a\":{T:\"U8\",S:[8],O:[0,8]},\"a\":{T:\"U8\",S:[8],O:[0,8]}}"
          + " | invalid JSON at character 53: the name \"a\" for the second time in one object",
      "{\"a\":{T:\"U8\",T:\"U8\",S:[8],O:[0,8]}}"
          + " | invalid JSON at character 19: the name \"dtype\" for the second time in one object",
      "{\"a\":1} | tensor \"a\" must be an object with the string dtype and the arrays shape and data_offsets",
      "{\"a\":{T:\"U8\",S:[8]}}"
          + " | tensor \"a\" must be an object with the string dtype and the arrays shape and data_offsets",
      "{\"a\":{T:8,S:[8],O:[0,8]}}"
          + " | tensor \"a\" must be an object with the string dtype and the arrays shape and data_offsets",
      "{\"a\":{T:\"U8\",S:8,O:[0,8]}}"
          + " | tensor \"a\" must be an object with the string dtype and the arrays shape and data_offsets",
      "{\"a\":{T:\"F16\",S:[4],O:[0,8]}}"
          + " | tensor \"a\" is of dtype F16; Tandem reads [F32, F64, BF16, I32, U8, BOOL], convert it before",
      "{\"a\":{T:\"I64\",S:[1],O:[0,8]}}"
          + " | tensor \"a\" is of dtype I64; Tandem reads [F32, F64, BF16, I32, U8, BOOL], convert it before",
      "{\"a\":{T:\"f32\",S:[2],O:[0,8]}}"
          + " | tensor \"a\" is of dtype f32; Tandem reads [F32, F64, BF16, I32, U8, BOOL], convert it before",
      "{\"a\":{T:\"U8\",S:[-8],O:[0,8]}} | tensor \"a\" has -8 in its shape; integers from 0 to 2147483647 are read",
      "{\"a\":{T:\"U8\",S:[8.0],O:[0,8]}} | tensor \"a\" has 8.0 in its shape; integers from 0 to 2147483647 are read",
      "{\"a\":{T:\"U8\",S:[\"8\"],O:[0,8]}} | tensor \"a\" has 8 in its shape; integers from 0 to 2147483647 are read",
      "{\"a\":{T:\"U8\",S:[null],O:[0,8]}}"
          + " | tensor \"a\" has null in its shape; integers from 0 to 2147483647 are read",
      "{\"a\":{T:\"U8\",S:[2147483648],O:[0,8]}}"
          + " | tensor \"a\" has 2147483648 in its shape; integers from 0 to 2147483647 are read",
      "{\"a\":{T:\"U8\",S:[8],O:[8]}} | tensor \"a\" has 1 data_offsets and not 2",
      "{\"a\":{T:\"U8\",S:[8],O:[0,8,8]}} | tensor \"a\" has 3 data_offsets and not 2",
      "{\"a\":{T:\"U8\",S:[8],O:[-1,8]}}"
          + " | tensor \"a\" has -1 in its data_offsets; integers from 0 to 9223372036854775807 are read",
      "{\"a\":{T:\"U8\",S:[8],O:[0,18446744073709551624]}}"
          + " | tensor \"a\" has 1.8446744073709552E19 in its data_offsets; integers from 0 to"
          + " 9223372036854775807 are read",
      "{\"a\":{T:\"U8\",S:[8],O:[8,0]}} | tensor \"a\" is U8[8], which has 8 bytes, but its data_offsets are [8, 0]",
      "{\"a\":{T:\"F32\",S:[8],O:[0,8]}} | tensor \"a\" is F32[8], which has 32 bytes, but its data_offsets are [0, 8]",
      "{\"a\":{T:\"U8\",S:[7],O:[0,8]}} | tensor \"a\" is U8[7], which has 7 bytes, but its data_offsets are [0, 8]",
      "{\"a\":{T:\"U8\",S:[7],O:[1,8]}}"
          + " | the data of tensor \"a\" begin at byte 1 where a hole is left, as others end at byte 0",
      "{\"a\":{T:\"U8\",S:[2],O:[0,2]},\"b\":{T:\"U8\",S:[5],O:[3,8]}}"
          + " | the data of tensor \"b\" begin at byte 3 where a hole is left, as others end at byte 2",
      "{\"a\":{T:\"U8\",S:[5],O:[0,5]},\"b\":{T:\"U8\",S:[5],O:[3,8]}}"
          + " | the data of tensor \"b\" begin at byte 3 where they overlap others, which end at byte 5",
      "{\"a\":{T:\"U8\",S:[8],O:[0,8]},\"b\":{T:\"U8\",S:[8],O:[0,8]}}"
          + " | the data of tensor \"b\" begin at byte 0 where they overlap others, which end at byte 8",
      "{\"a\":{T:\"U8\",S:[7],O:[0,7]}} | the tensors have 7 bytes, but 8 bytes follow the header",
      "{\"a\":{T:\"U8\",S:[9],O:[0,9]}}"
          + " | the tensors have 9 bytes, but 8 bytes follow the header; the file is truncated",
      "{\"a\":{T:\"BOOL\",S:[8],O:[0,8]}} | tensor \"a\" is BOOL, but its element 2 is 2 and neither 0 nor 1",
      "{\"__metadata__\":[],\"a\":{T:\"U8\",S:[8],O:[0,8]}} | __metadata__ is not an object of strings",
      "{\"__metadata__\":null,\"a\":{T:\"U8\",S:[8],O:[0,8]}} | __metadata__ is not an object of strings",
      "{\"__metadata__\":{\"epoch\":7},\"a\":{T:\"U8\",S:[8],O:[0,8]}}"
          + " | __metadata__ has something else than a string under \"epoch\"",
      "{\"a\":{T:\"U8\",S:[8],O:[0,8]}}x | invalid JSON at character 53: more text after the end of the value",
      "{\"a\":{T:\"U8\",S:[8],O:[0,8]}}~ | invalid JSON at character 53: more text after the end of the value"})
  void malformedHeadersAreRefused(String header, String problem) throws IOException {
    String json = header.replace("T:", "\"dtype\":").replace("T,", "\"dtype\",").replace("~", "\0")
        .replace("S:", "\"shape\":").replace("O:", "\"data_offsets\":");
    Path file = write(file(json, new byte[] {0, 1, 2, 3, 4, 5, 6, 7}));
    assertRefused(() -> Safetensors.read(file)).hasMessage(file + ": " + problem);
  }

  @Test
  void aFileShorterThanItsHeaderLengthIsRefused() throws IOException {
    Path empty = write();
    assertRefused(() -> Safetensors.read(empty))
        .hasMessage(empty + ": a file of 0 bytes is no safetensors file; the length of the header alone has 8");
    Path seven = write(new byte[7]);
    assertRefused(() -> Safetensors.read(seven)).hasMessageContaining("a file of 7 bytes is no safetensors file");
  }

  @ParameterizedTest
  @ValueSource(
      longs = {3, 99_999_999, 100_000_001, Integer.MAX_VALUE, 1L << 40, Long.MAX_VALUE, -1, Long.MIN_VALUE, -8})
  void aHeaderLongerThanTheFileCostsNoMemory(long length) throws IOException {
    byte[] bytes =
        ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN).putLong(length).put((byte) '{').put((byte) '}').array();
    Path file = write(bytes);
    assertRefused(() -> Safetensors.read(file))
        .hasMessage(file + ": declares a header of " + Long.toUnsignedString(length)
            + " bytes; the file has 2 for it, and more than 100000000 are never read");
  }

  @Test
  void aHeaderAboveTheLimitIsNotReadEvenIfTheFileHasIt() throws IOException {
    Path file = folder.resolve("sparse");
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(100_000_001).array());
      sparse.setLength(200_000_000);
    }
    assertRefused(() -> Safetensors.read(file)).hasMessageContaining("more than 100000000 are never read");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "[1048576,1048576] | which has 1099511627776 bytes, but its data_offsets are [0, 8]",
      "[2147483647,2147483647,2147483647] | the impossible shape [2147483647, 2147483647, 2147483647]",
      "[2147483647,2147483647,2] | which has 9223372028264841218 bytes, but its data_offsets are [0, 8]"})
  void shapesThatDoNotFitTheirDataCostNoMemory(String shape, String problem) throws IOException {
    Path file = write(file("{\"a\":{\"dtype\":\"U8\",\"shape\":" + shape + ",\"data_offsets\":[0,8]}}", new byte[8]));
    assertRefused(() -> Safetensors.read(file)).hasMessageContaining(problem);
  }

  @Test
  void bytesOfAShapeMustFitIn64Bits() throws IOException {
    // 2^62 elements can be counted, their 2^65 bytes cannot.
    String shape = "[1073741824,1073741824,4]";
    Path file = write(file("{\"a\":{\"dtype\":\"F64\",\"shape\":" + shape + ",\"data_offsets\":[0,0]}}"));
    assertRefused(() -> Safetensors.read(file))
        .hasMessage(file + ": tensor \"a\" has the impossible shape [1073741824, 1073741824, 4]");
  }

  @Test
  void aHeaderThatIsNotUtf8IsRefused() throws IOException {
    byte[] bytes = file("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}");
    bytes[10] = (byte) 0xFF;
    Path file = write(bytes);
    assertRefused(() -> Safetensors.read(file)).hasMessage(file + ": the header is not UTF-8");
  }

  @Test
  void aTruncatedFileIsRefused() throws IOException {
    Path whole = folder.resolve("whole");
    Safetensors.write(whole, Map.of("w", HostArray.of(new float[] {1, 2, 3}, 3)), Map.of("a", "b"));
    byte[] bytes = Files.readAllBytes(whole);
    for (int length = 0; length < bytes.length; length++) {
      Path file = write(Arrays.copyOf(bytes, length));
      assertRefused(() -> Safetensors.read(file)).hasMessageStartingWith(file + ": ");
    }
  }

  @Test
  void randomDamageIsRefusedOrReadButNothingElseHappens() throws IOException {
    long seed = 20250712;
    Random random = new Random(seed);
    Path whole = folder.resolve("whole");
    Safetensors.write(whole,
        Map.of("w", HostArray.of(new float[] {1, 2, 3}, 3), "flag", HostArray.of(new boolean[] {true, false}, 2)),
        Map.of("format", "pt", "ä\n", "\u0001"));
    byte[] bytes = Files.readAllBytes(whole);
    int refused = 0;
    for (int i = 0; i < 500; i++) {
      byte[] damaged = Damage.some(random, bytes);
      Path file = write(damaged);
      try {
        Safetensors.read(file).tensors().values().forEach(HostArray::toDoubles);
      } catch (FileFormatException e) {
        refused++;
      } catch (IOException | RuntimeException | Error e) {
        throw new AssertionError("seed " + seed + ", case " + i + ", bytes " + HexFormat.of().formatHex(damaged), e);
      }
    }
    assertThat(refused).as("seed %d", seed).isGreaterThan(250);
  }

  @Test
  void randomDamageOfTheHeaderIsRefusedOrReadButNothingElseHappens() {
    long seed = 20250713;
    Random random = new Random(seed);
    String header =
        "{\"__metadata__\":{\"f\":\"pt\",\"\\u00e4\":\"\\n\"},"
            + "\"w\":{\"dtype\":\"F32\",\"shape\":[3,1],\"data_offsets\":[0,12]},"
            + "\"flag\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[12,14]}} ";
    int refused = 0;
    for (int i = 0; i < 50_000; i++) {
      String damaged =
          new String(Damage.some(random, header.getBytes(StandardCharsets.ISO_8859_1)), StandardCharsets.ISO_8859_1);
      try {
        SafetensorsHeader.parse("it", damaged, 14);
      } catch (FileFormatException e) {
        refused++;
      } catch (RuntimeException | Error e) {
        throw new AssertionError("seed " + seed + ", case " + i + ": " + damaged, e);
      }
    }
    assertThat(refused).as("seed %d", seed).isGreaterThan(25_000);
  }
}
