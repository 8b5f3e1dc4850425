// Written by Scripts/vectors/make_gk2_tables.py. The tests and Scripts/check-vectors compute every hash again.

/// The hashes of all tokens that a session can reach (`Protocol/fingerprint-2.md` §6): first 8 bytes of SHA-256("gk2/30/" + token), big-endian.
enum FingerprintTokens {
    /// Of one feature: the hashes of consecutive bins.
    struct Row: Sendable {
        let firstBin: Int
        let hashes: [UInt64]
    }

    static let median = Row(
        firstBin: 0,
        hashes: [
            0xf725_fcdd_c008_330f, 0x7bf5_34bf_c5a2_2d70, 0x79ad_6ae7_421d_ad75, 0x53b5_78f3_3c17_5c04, 0x953c_c470_9e90_2a96, 0x89dc_4d52_2d9a_01fe,
            0x9b96_a2a0_5f32_51c4, 0x2000_1bde_ee66_3b68, 0xf95d_8fe5_658a_aedb, 0x85ad_df1a_7274_de3d, 0xa1a9_1bd2_1d46_c3de, 0x7c5e_739d_a3f1_88cc,
            0x24ef_1b19_573a_fba7, 0xe205_f7a9_71f4_fa42, 0x5562_e8a6_decc_aba5, 0x25c5_5f6c_d45e_9680, 0x147b_03a8_e691_0dbf, 0xb233_c4ec_0d49_b6ba,
            0xd22b_c642_35b5_7004, 0x330b_a318_d6a2_d172, 0xf6a0_e91a_188a_7c22, 0x451e_f403_248a_6d5b, 0xe22f_6e91_05a3_4e1d, 0xef4b_1853_ce41_8fdc,
            0x7817_5b6f_e6bc_a3c7, 0x6ef9_059a_0e3d_c3f2, 0x4925_3a7c_efce_cd12, 0xfd05_5b63_54dc_706c, 0x8e29_5be2_b9e7_418a,
        ])
    static let sa = Row(
        firstBin: -7,
        hashes: [
            0x7b5a_b027_ac32_9ad9, 0x4670_b8bd_6ef9_4aa6, 0xf3ff_cf8e_e595_9fac, 0xd1f7_d7e1_3a80_88e2, 0x31ca_94c4_4580_754c, 0xc31d_45c0_9aac_1e29,
            0x6415_8462_81a0_7fa9, 0x4437_f1b3_f94a_b501, 0xb316_adf7_44e7_8227, 0x682c_10dc_baaf_0e02, 0x6b80_81d1_5ca5_c7dc, 0x7b69_bef8_4d39_f2a2,
            0x5aac_1d59_1b7c_e5ea, 0x0b11_8665_f197_993c, 0x5bde_99bd_1692_cf2e, 0xe5d7_bdb9_c3bd_d2e3,
        ])
    static let `as` = Row(
        firstBin: -5,
        hashes: [
            0xbc44_f937_333f_c417, 0xd487_d0a9_1bcc_d6f4, 0x4825_0089_c383_b4dd, 0xecae_44ea_35e7_4f6e, 0xd215_e318_7575_0b15, 0xdb5a_e848_ddaa_8423,
            0x5caf_b39c_e011_e52e, 0xa905_f484_3e67_b3e1, 0x18c0_7396_4969_e831, 0x2ae2_5c08_2639_c1b8, 0x9ba3_ac24_90ff_938f, 0xb12c_512f_da64_eb75,
            0x543b_026a_2fd2_c06c,
        ])
    static let q90 = Row(
        firstBin: 0,
        hashes: [
            0x4ab0_1658_1a04_502a, 0x0cb8_5048_5391_7253, 0xe0d1_a88e_8053_08a3, 0x699c_4e92_eea0_8cb2, 0x5e3f_a326_bfbf_69ca, 0xe8c4_31df_ca7d_821d,
            0x463e_4872_f10e_bb5b, 0x5270_55b2_1cb0_3d77, 0x0898_3ba5_e303_ce79, 0xdc0d_674a_cef3_5332, 0x8b74_f7cf_fc9e_8048, 0xf013_903b_51b7_ea9f,
            0x7623_6c5e_209c_b02e, 0x8961_c569_2024_1ab3, 0x3811_2fd2_ee27_746f, 0xb65e_a808_8b52_51db, 0xc81f_3b96_6eaa_5850, 0x661b_3ed6_5f29_30fb,
            0x907d_47be_f09c_3c65, 0xdd0e_d63f_6381_2b7d, 0x8744_fcfe_cb38_5653, 0x3cf3_31d1_adcb_caf0, 0xfaaa_7a52_f807_c05e, 0x2459_1d52_e3a3_0923,
            0xd42d_c8bc_5b62_2d96, 0x0c95_4a3f_c209_0155, 0x54b4_5b28_cf74_0fb9, 0x129e_9b8f_d4fb_e3a0, 0x2dec_5596_a9f0_6596, 0x7f4c_9389_7b4a_e163,
            0x3350_85a0_d735_cc6e,
        ])
    static let q05 = Row(
        firstBin: -19,
        hashes: [
            0xc4af_9c69_9024_994a, 0x672b_5a2c_e8de_99fe, 0x3234_4ff2_1f85_2135, 0x13d6_e509_ba9e_c835, 0xd695_4f1b_7d16_9859, 0x34a8_ecd6_b571_6752,
            0xe6d7_7b9b_62a1_74cc, 0x830d_e7d2_6f5b_6ac0, 0x816f_ba40_da57_1dd9, 0x8ad0_b191_044f_8ccf, 0x13be_d521_55c1_4f7d, 0x0f73_b3f2_7ccd_1d94,
            0x7417_1f59_5951_bb50, 0x6bbb_51c8_4449_a506, 0x83e8_8d3e_79a1_1f06, 0x684c_7468_c569_dc4c, 0x7cd1_9ed5_17c7_006f, 0x6398_5161_0f12_1f5b,
            0xcc99_815e_7e5b_583f, 0x67a2_78a2_8b57_2587, 0x3be3_9ef3_e35b_8f92, 0xe497_ac8d_185d_d795,
        ])
    static let iqr = Row(
        firstBin: 0,
        hashes: [
            0x3c11_ec53_31b9_f091, 0xf909_44c9_ad69_efdc, 0x8b5d_cd16_88f2_2e06, 0x24c4_5349_3f6e_fc3b, 0xf8e0_4bf7_3428_fb3f, 0xeddc_7b3b_cb76_0ade,
            0xe466_bd78_d517_c3a4, 0x005b_9edc_12c6_911e, 0x95c7_aa6b_7197_03a3, 0x7c6b_98ff_2e9a_4cd4, 0x49ba_bc0b_5f88_0c4e, 0xef53_c1db_009b_fc23,
            0x45ac_fdcc_8d4d_2d5e, 0x702f_3731_c59c_f2ee, 0x8248_837a_6cb0_55cf, 0x1ada_e7ba_a6e8_04f6, 0x6f42_d368_5cf2_dda9, 0xd4a4_b1a8_fbd0_0c9d,
            0x9324_a432_279b_908a, 0x4c4a_23d5_22a5_11f1, 0xc90a_b147_b627_16ac, 0x92b5_cc82_3fcb_8fd1, 0xc9f2_ce26_833f_85a8, 0x6dfc_911e_41e9_78d6,
            0x0432_37df_32fc_ba31, 0x9e3a_85c1_91a8_1279, 0xc23f_0fea_ee21_a5a2, 0x6d4d_5ec2_2808_1f3d,
        ])
    static let rep = Row(
        firstBin: -4,
        hashes: [
            0x7bb0_faed_066d_25e2, 0x5d8d_a67d_e883_1d76, 0x9288_08cd_ca34_57c3, 0x9bf6_c6d3_a2e5_0676, 0x102c_917d_606e_b7d3, 0x2599_152b_e9df_5ab6,
            0x88ea_7bbb_1ef9_f755, 0x481e_d01b_b021_88a2, 0x1d18_16b4_6cff_d898, 0x46ad_9e58_85ec_8c0d,
        ])
    static let altR = Row(
        firstBin: -8,
        hashes: [
            0x7878_1c8f_ba69_f601, 0x4558_61f9_395f_af9a, 0x89e1_cd99_7351_2c4a, 0x20e6_e34e_1e08_2faf, 0xd488_48ea_a8d7_331a, 0xd901_bf8f_935d_5d39,
            0xf094_9e5b_d0dc_fbc9, 0x8dd3_6f36_2a83_3157, 0x2c6c_f26e_5697_de12, 0xefcb_c162_2735_a2c9, 0xc689_906d_75fe_4965, 0x7862_c5c7_7952_b7df,
            0x2529_3505_a50f_2b60, 0x23d7_a53c_1616_f6cb, 0x9da2_1db1_8feb_b97c, 0xcd8b_eefc_552a_c31e, 0xb2bf_f80e_b877_d340, 0x0feb_0268_ad09_d3b5,
            0xdc73_10c8_490e_2443,
        ])
    static let spd = Row(
        firstBin: -14,
        hashes: [
            0x909a_e3cb_5012_b216, 0xb05a_b6d9_1117_5496, 0x5353_3fec_e595_0670, 0x9049_72bf_59fd_c575, 0xf02d_7849_02fb_ccb5, 0xb06c_23e0_b0b8_7e42,
            0x432e_bd15_e6b6_4ed6, 0xd6d9_6669_9115_f34e, 0xe7a7_1f0c_1c93_b1d7, 0xae24_a7c3_e44e_c6cd, 0xa8a9_4a15_b2a3_6ea4, 0x0082_abde_19a2_b324,
            0x36a7_7a22_aa01_c0e6, 0xe11a_ec65_e9a8_e66a, 0x2d26_27e0_f91c_a8ed, 0xd44e_5dcd_6819_fc0a, 0xcc01_8a89_9586_e0cd, 0xabcf_abbe_95c3_af57,
            0x07e6_5c27_3863_9edf, 0x077a_ab04_b92e_0fcd, 0x4f5c_fb5e_5b49_61f3, 0xe55b_c7b4_67d9_15a9, 0x402e_1f00_7e26_a574, 0x71ac_4859_26e5_d746,
            0xca1d_ed69_2a39_6cfd, 0x4b97_33e3_385c_9bf7, 0x5d3e_5abf_93e1_a171, 0xee09_be03_d726_fb06, 0xd903_8f20_3732_e0eb, 0x47c8_0bdf_8c97_e699,
        ])
    static let rolLi = Row(
        firstBin: -5,
        hashes: [
            0x7d6a_8a17_0d08_159d, 0x0e89_3d9c_eb62_ed90, 0x6e37_8fcd_f172_141f, 0xab86_46e0_017c_b5aa, 0xd3f7_b47f_8894_a8c1, 0xd290_01c6_0dbb_2b42,
            0xa457_a4eb_62c3_697d, 0xa5e7_f8cf_107b_b4c2, 0xbe47_e006_6ea0_9642, 0xf7e1_4fca_0bf9_3b51, 0xe46c_22c5_e257_2d14, 0x9906_7846_b851_841a,
            0x96be_280f_2238_a66a,
        ])
    static let rolRi = Row(
        firstBin: -5,
        hashes: [
            0xc221_114a_827e_618e, 0xb971_354c_a03e_583a, 0x966e_200f_901c_4cf3, 0x1266_93f9_9820_c755, 0x69d5_bdca_cf00_1fa0, 0x06fa_7937_5cf0_5f9d,
            0x10e0_2730_9ad1_49d2, 0x5d95_88cb_1df5_8155, 0x1663_96bd_c1ed_1bbd, 0x6338_9452_32b3_cb01, 0xf369_41fb_bfea_6eb3, 0x793d_93af_dae6_d854,
            0x63cb_2d61_eaf1_7978,
        ])
}
