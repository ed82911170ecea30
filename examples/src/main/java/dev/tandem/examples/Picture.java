package dev.tandem.examples;

import dev.tandem.core.shape.HostArray;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;

/** Many grey images in one PNG file. */
final class Picture {
  private Picture() {
  }

  /**
   * Writes rows of images beneath each other.
   *
   * @param rows F32 {@code [N, 1, H, W]} each, pixels from 0 (black) to 1 (white)
   */
  static void write(Path file, HostArray... rows) throws IOException {
    int n = rows[0].shape().dim(0);
    int height = rows[0].shape().dim(2);
    int width = rows[0].shape().dim(3);
    var picture = new BufferedImage(n * width, rows.length * height, BufferedImage.TYPE_BYTE_GRAY);
    for (int r = 0; r < rows.length; r++) {
      float[] pixels = rows[r].toFloats();
      for (int i = 0; i < pixels.length; i++) {
        int x = i / (height * width) * width + i % width;
        int y = r * height + i / width % height;
        // Straight into the raster: a colour would be converted to another grey.
        picture.getRaster().setSample(x, y, 0, Math.round(Math.clamp(pixels[i], 0, 1) * 255));
      }
    }
    if (!ImageIO.write(picture, "png", file.toFile())) {
      throw new IOException("this Java cannot write PNG files");
    }
  }
}
