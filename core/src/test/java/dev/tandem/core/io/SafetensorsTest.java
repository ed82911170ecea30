package dev.tandem.core.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SafetensorsTest {
  @TempDir private Path folder;

  /** A file of a header and data. */
  static byte[] file(String header, byte... data) {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN).putLong(text.length)
        .put(text).put(data).array();
  }

  private static Map<String, HostArray> mixed() {
    Map<String, HostArray> tensors = new LinkedHashMap<>();
    tensors.put("b", HostArray.of(new int[] {1, -2}, 2));
    tensors.put("a", HostArray.of(new float[] {1.5f, -2, 0, 3}, 2, 2));
    tensors.put("flag", HostArray.of(new boolean[] {true, false, true}, 3));
    tensors.put("u", HostArray.of(new byte[] {7}));
    tensors.put("d", HostArray.of(new double[] {0.5}, 1));
    tensors.put("empty", HostArray.zeros(DType.F32, 0, 3));
    return tensors;
  }

  @Test
  void theBytesAreThoseOfTheReferenceImplementation() throws IOException {
    Path file = folder.resolve("mixed.safetensors");
    Safetensors.write(file, mixed(), Map.of("format", "pt"));
    // Written by the safetensors library for Python, 0.8.0, from the same tensors.
    String header = "{\"__metadata__\":{\"format\":\"pt\"},"
        + "\"d\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},"
        + "\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[8,24]},"
        + "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[24,24]},"
        + "\"b\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[24,32]},"
        + "\"u\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[32,33]},"
        + "\"flag\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[33,36]}}       ";
    byte[] data = HexFormat.of().parseHex("000000000000e03f0000c03f000000c0000000000000404001000000feffffff07010001");
    assertThat(Files.readAllBytes(file)).isEqualTo(file(header, data));
  }

  @Test
  void aTinyFileIsTheFormatByteForByte() throws IOException {
    Path file = folder.resolve("tiny.safetensors");
    Safetensors.write(file, Map.of("w", HostArray.of(new float[] {1}, 1)), Map.of());
    ByteArrayOutputStream expected = new ByteArrayOutputStream();
    expected.write(new byte[] {56, 0, 0, 0, 0, 0, 0, 0});
    expected.write(
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}  ".getBytes(StandardCharsets.US_ASCII));
    expected.write(new byte[] {0, 0, (byte) 0x80, 0x3f});
    assertThat(Files.readAllBytes(file)).isEqualTo(expected.toByteArray());
  }

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    Path file = folder.resolve("mixed.safetensors");
    Map<String, String> metadata = Map.of("step", "7", "ä \"quoted\"\n", "");
    Safetensors.write(file, mixed(), metadata);
    Safetensors.Content content = Safetensors.read(file);
    assertThat(content.metadata()).isEqualTo(metadata);
    assertThat(content.tensors().keySet()).containsExactly("d", "a", "empty", "b", "u", "flag");
    mixed().forEach((name, array) -> {
      assertThat(content.tensors().get(name).spec()).isEqualTo(array.spec());
      assertThat(content.tensors().get(name).toDoubles()).isEqualTo(array.toDoubles());
    });
  }

  @ParameterizedTest
  @EnumSource
  void everyDtypeSurvivesInBitsAcrossSeveralChunks(DType dtype) throws IOException {
    // 2.3 MB and more: writing goes in chunks of 1 MiB, and the last is a partial one.
    HostArray array = HostArray.zeros(dtype, 3, 777_777);
    for (long i = 0; i < array.shape().size(); i++) {
      array.set(i, dtype == DType.BOOL ? i % 3 : i * 0.37 - 1000);
    }
    Path file = folder.resolve("one.safetensors");
    Safetensors.write(file, Map.of("x", array, "after", HostArray.of(new byte[] {1, 2}, 2)), Map.of());
    Map<String, HostArray> back = Safetensors.read(file).tensors();
    assertThat(back.get("x").spec()).isEqualTo(array.spec());
    assertThat(back.get("x").data().mismatch(array.data())).isEqualTo(-1);
    assertThat(back.get("after").toInts()).containsExactly(1, 2);
  }

  @Test
  void noTensorsAreAFileToo() throws IOException {
    Path file = folder.resolve("none.safetensors");
    Safetensors.write(file, Map.of(), Map.of());
    assertThat(Files.readAllBytes(file)).isEqualTo(file("{}      "));
    assertThat(Safetensors.read(file).tensors()).isEmpty();
  }

  @Test
  void tensorsMayBeInAnotherOrderInHeaderAndDataAndTheHeaderUnpadded() throws IOException {
    Path file = Files.write(folder.resolve("x"),
        file("{\"b\":{\"shape\":[2],\"data_offsets\":[1,3],\"dtype\":\"U8\",\"more\":null},"
            + "\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}, \"__metadata__\":{}}", (byte) 5, (byte) 6,
            (byte) 7));
    Map<String, HostArray> tensors = Safetensors.read(file).tensors();
    assertThat(tensors.keySet()).containsExactly("b", "a");
    assertThat(tensors.get("b").toInts()).containsExactly(6, 7);
    assertThat(tensors.get("a").toInts()).containsExactly(5);
  }

  @Test
  void anExistingFileIsReplacedWhileItsReaderKeepsTheOldOne() throws IOException {
    Path file = folder.resolve("model.safetensors");
    Safetensors.write(file, Map.of("w", HostArray.of(new float[] {1, 2}, 2)), Map.of());
    HostArray old = Safetensors.read(file).tensors().get("w");
    Safetensors.write(file, Map.of("w", HostArray.of(new float[] {3}, 1)), Map.of());
    assertThat(old.toFloats()).containsExactly(1, 2);
    assertThat(Safetensors.read(file).tensors().get("w").toFloats()).containsExactly(3);
    try (var files = Files.list(folder)) {
      assertThat(files).as("no temporary file is left").containsExactly(file);
    }
  }

  @Test
  void aRefusedWriteLeavesTheOldFile() throws IOException {
    Path file = folder.resolve("model.safetensors");
    Safetensors.write(file, Map.of("w", HostArray.of(new float[] {1}, 1)), Map.of());
    byte[] before = Files.readAllBytes(file);
    assertThatThrownBy(() -> Safetensors.write(file, Map.of("__metadata__", HostArray.zeros(DType.F32, 1)), Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a tensor cannot be called __metadata__; safetensors keeps that name for the metadata");
    assertThat(Files.readAllBytes(file)).isEqualTo(before);
    assertThatThrownBy(() -> Safetensors.read(folder.resolve("none"))).isInstanceOf(NoSuchFileException.class);
  }
}
