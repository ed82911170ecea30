package dev.tandem.core.testing;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.NormalizeGrad;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What the contract says of reduced precision can be kept: an oracle that rounds what it stores keeps it. */
class ReducedPrecisionContractTest {
  private static final Backend ROUNDING = new ReferenceBackend(
      Set.of(Normalize.class, NormalizeGrad.class, Recurrent.class, RecurrentGrad.class));

  @Test
  void matrixProducts() {
    MatMulContract contract = new MatMulContract() {
      @Override
      Backend backend() {
        return ROUNDING;
      }
    };
    contract.bf16();
    contract.tf32();
  }

  @Test
  void convolutions() {
    ConvolutionContract contract = new ConvolutionContract() {
      @Override
      Backend backend() {
        return ROUNDING;
      }
    };
    contract.bf16();
    contract.tf32();
  }

  @Test
  void pooling() {
    new PoolContract() {
      @Override
      Backend backend() {
        return ROUNDING;
      }
    }.bf16();
  }

  @Test
  void rows() {
    new RowsContract() {
      @Override
      Backend backend() {
        return ROUNDING;
      }

      @Override
      boolean raisesIndexErrors() {
        return true;
      }
    }.scatterAddOfBf16();
  }

  @Test
  void normalizations() {
    new NormalizeContract() {
      @Override
      Backend backend() {
        return ROUNDING;
      }
    }.bf16();
  }

  @Test
  void recurrentSequences() {
    RecurrentContract contract = new RecurrentContract() {
      @Override
      Backend backend() {
        return ROUNDING;
      }
    };
    for (Recurrent.Cell cell : Recurrent.Cell.values()) {
      contract.tf32(cell);
    }
  }
}
