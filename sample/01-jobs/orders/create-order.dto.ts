import { IsEmail, IsISO4217CurrencyCode, IsInt, IsString, Length, Max, Min } from 'class-validator';

/** The body of `POST /orders`. */
export class CreateOrderDto {
  @IsString()
  @Length(1, 32)
  reference!: string;

  @IsString()
  @Length(1, 120)
  customer!: string;

  @IsEmail()
  email!: string;

  @IsISO4217CurrencyCode()
  currency!: string;

  @IsString()
  @Length(1, 120)
  item!: string;

  @IsInt()
  @Min(1)
  @Max(10_000)
  quantity!: number;

  @IsInt()
  @Min(1)
  @Max(100_000)
  unitPriceCents!: number;
}
